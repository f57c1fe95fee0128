import { type Content, type Utf8Bytes, writeContent } from '../../model/event/bytes/content.ts'

/** Fields in front of the records (kafka.apache.org/documentation, "Record Batch"), with their places. */
const HEAD_BYTES = 61
const [LENGTH_AT, LEADER_EPOCH_AT, MAGIC_AT, CRC_AT, ATTRIBUTES_AT, LAST_OFFSET_AT] = [8, 12, 16, 17, 21, 23]
const [FIRST_TIME_AT, LAST_TIME_AT, PRODUCER_AT, EPOCH_AT, SEQUENCE_AT, COUNT_AT] = [27, 35, 43, 51, 53, 57]
/** Brokers write their own. */
const ANY_LEADER_EPOCH = 0
const MAGIC = 2
const TRANSACTIONAL = 0x10

const FIRST_BYTES = 16 * 1024
const MOST_KEPT_BYTES = 2 * 1024 * 1024
const MOST_VARINT_BYTES = 5
const MOST_BYTES_PER_UNIT = 3
/** Up to this length characters are faster to copy than the runtime is to call. */
const SHORT = 40

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

const COMPRESSION_BITS: { readonly [name in Compression]: number } = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }

export type Compress = (name: Compression, bytes: Buffer) => Uint8Array | Promise<Uint8Array>

/** By whom, and as which records of the partition, a batch is written. */
export interface BatchNumbers {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly sequence: number
  readonly transactional: boolean
}

/**
 * Writes the records for one partition into one buffer, field by field: the client makes several objects of each record,
 * and copies its bytes several times over, which is most of what sending costs it.
 */
export class RecordBatch {
  count = 0
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = HEAD_BYTES
  /** Where the record begins that is being written. */
  #from = HEAD_BYTES
  /** Bytes of the length in front of a record: as many as those of the record before, to begin with. */
  #lengthBytes = 2

  /** Bytes of the records. */
  get size(): number {
    return this.#at - HEAD_BYTES
  }

  /** A record; `headers` headers have to follow. */
  begin(key: string | null, value: Content | null, headers: number): void {
    this.#reserve(1 + 3 * MOST_VARINT_BYTES)
    this.#from = this.#at
    this.#at += this.#lengthBytes
    this.#bytes[this.#at++] = 0 // attributes
    this.#bytes[this.#at++] = 0 // milliseconds since the first record
    this.#varint(this.count)
    if (key === null) this.#varint(-1)
    else this.#text(key)
    if (value === null) this.#varint(-1)
    else if (typeof value === 'string') this.#text(value)
    else this.#copy(value)
    this.#varint(headers)
  }

  header(name: string, value: string): void {
    this.#text(name)
    this.#text(value)
  }

  /** Headers as `headerBytes` makes them. */
  fixedHeaders(bytes: Buffer): void {
    const { length } = bytes
    this.#reserve(length)
    if (length <= SHORT) copyShort(bytes, this.#bytes, this.#at)
    else this.#bytes.set(bytes, this.#at)
    this.#at += length
  }

  /**
   * A header whose value is a text that differs from record to record, and then bytes that do not. `name` is as `textBytes`
   * makes it. Answers false, and writes nothing, where `takes` has not a 1 for each character of the text.
   */
  joinedHeader(name: Buffer, start: string, takes: Uint8Array, end: Buffer): boolean {
    const before = this.#at
    const { length } = start
    this.#reserve(name.length + MOST_VARINT_BYTES + length + end.length)
    const bytes = this.#bytes
    const at = writeVarint(bytes, copyShort(name, bytes, before), length + end.length)
    for (let i = 0; i < length; i++) {
      const unit = start.charCodeAt(i)
      // Behind its end there is nothing in it.
      if (takes[unit] !== 1) return false
      bytes[at + i] = unit
    }
    this.#at = copyShort(end, bytes, at + length)
    return true
  }

  /** The record is complete. */
  end(): void {
    const body = this.#from + this.#lengthBytes
    const length = this.#at - body
    const needed = varintBytes(length)
    if (needed !== this.#lengthBytes) {
      this.#reserve(MOST_VARINT_BYTES)
      this.#bytes.copyWithin(this.#from + needed, body, this.#at)
      this.#at += needed - this.#lengthBytes
      this.#lengthBytes = needed
    }
    writeVarint(this.#bytes, this.#from, length)
    this.count += 1
  }

  /** Removes the records that came after the first `count`, which have `size` bytes together. */
  rewind(count: number, size: number): void {
    this.count = count
    this.#at = HEAD_BYTES + size
  }

  /** What is sent, but for numbers and checksum: `seal` writes those. */
  async finish(compression: Compression, now: number, compress: Compress): Promise<Buffer> {
    let bytes = this.#bytes.subarray(0, this.#at)
    if (compression !== 'none') {
      const records = await compress(compression, bytes.subarray(HEAD_BYTES))
      bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + records.length)
      bytes.set(records, HEAD_BYTES)
    }
    bytes.fill(0, 0, LENGTH_AT)
    bytes.writeInt32BE(bytes.length - LEADER_EPOCH_AT, LENGTH_AT)
    bytes.writeInt32BE(ANY_LEADER_EPOCH, LEADER_EPOCH_AT)
    bytes[MAGIC_AT] = MAGIC
    bytes.writeInt16BE(COMPRESSION_BITS[compression], ATTRIBUTES_AT)
    bytes.writeInt32BE(this.count - 1, LAST_OFFSET_AT)
    bytes.writeBigInt64BE(BigInt(now), FIRST_TIME_AT)
    bytes.writeBigInt64BE(BigInt(now), LAST_TIME_AT)
    bytes.writeInt32BE(this.count, COUNT_AT)
    return bytes
  }

  /** Is ready for other records: the bytes of the ones before are of no use any more. */
  reset(): void {
    this.count = 0
    this.#at = HEAD_BYTES
    if (this.#bytes.length > MOST_KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  }

  #text(text: string): void {
    const { length } = text
    this.#reserve(MOST_VARINT_BYTES + MOST_BYTES_PER_UNIT * length)
    const from = this.#at
    this.#varint(length)
    const written = length <= SHORT ? this.#shortText(text) : this.#bytes.write(text, this.#at)
    if (written === length) {
      this.#at += length
      return
    }
    // Not ASCII: the length in front of it is another one.
    this.#at = from
    this.#varint(Buffer.byteLength(text))
    this.#at += this.#bytes.write(text, this.#at)
  }

  /** How many characters are ASCII before the first one that is not. */
  #shortText(text: string): number {
    const bytes = this.#bytes
    const at = this.#at
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return i
      bytes[at + i] = unit
    }
    return text.length
  }

  #copy(bytes: Utf8Bytes): void {
    const { length } = bytes
    this.#reserve(MOST_VARINT_BYTES + length)
    this.#varint(length)
    this.#at += writeContent(bytes, this.#bytes, this.#at)
  }

  /** There is room for it. */
  #varint(value: number): void {
    this.#at = writeVarint(this.#bytes, this.#at, value)
  }

  #reserve(more: number): void {
    // A field may be followed by a number.
    const needed = this.#at + more + MOST_VARINT_BYTES
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

/** Says by whom a finished batch is written, and as which records; done again where it is written by somebody else. */
export function seal(batch: Buffer, numbers: BatchNumbers, crc32c: (bytes: Buffer) => number): void {
  const { producerId, producerEpoch, sequence, transactional } = numbers
  const attributes = batch[ATTRIBUTES_AT + 1]! & ~TRANSACTIONAL
  batch[ATTRIBUTES_AT + 1] = transactional ? attributes | TRANSACTIONAL : attributes
  batch.writeBigInt64BE(producerId, PRODUCER_AT)
  batch.writeInt16BE(producerEpoch, EPOCH_AT)
  batch.writeInt32BE(sequence, SEQUENCE_AT)
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)) >>> 0, CRC_AT)
}

/** A text with its length, as names of headers are written. */
export function textBytes(text: string): Buffer {
  const bytes = Buffer.alloc(MOST_VARINT_BYTES + Buffer.byteLength(text))
  const from = writeVarint(bytes, 0, Buffer.byteLength(text))
  return bytes.subarray(0, from + bytes.write(text, from))
}

/** A header that many records have. */
export function headerBytes(name: string, value: string): Buffer {
  return Buffer.concat([textBytes(name), textBytes(value)])
}

/** Answers where it ends. */
function copyShort(from: Buffer, to: Buffer, at: number): number {
  for (let i = 0; i < from.length; i++) to[at + i] = from[i]!
  return at + from.length
}

/** Signed, of at most 32 bits: zigzag, seven bits to a byte, the lowest first. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[at++] = rest
  return at
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = (value << 1) >>> 7; rest > 0; rest >>>= 7) bytes++
  return bytes
}
