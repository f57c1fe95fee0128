import { createZstdDecompress, zstdDecompressSync } from 'node:zlib'
import { MOST_EVENT_BYTES } from '../../../../model/event/forms/event-size.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { EventCursor } from '../format/event-cursor.ts'
import { HEADER_BYTES, sizeOf } from '../format/header.ts'

/** Up to here a payload is decompressed in one go, without a promise; a larger one flows through in pieces. */
const AT_ONCE_BYTES = 1024 * 1024
const PIECE_BYTES = 256 * 1024
/** The best that zstd can do is a block of 4 bytes for 128 KiB of one byte (RFC 8878, 3.1.1.2): a size beyond is a lie. */
const BEST_RATIO = 32 * 1024

const Field = { END: 0, SIZE: 1, COMPRESSION: 2, UNCOMPRESSED_SIZE: 3 } as const
const Compression = { ZSTD: 0, NONE: 255 } as const

/** Takes one event of the payload: header and body, without a checksum. */
export type InnerEventVisitor = (buffer: Buffer, start: number, end: number) => void | Promise<void>

/**
 * Reads the body of a TRANSACTION_PAYLOAD event (Transaction_payload_event): fields (type, length, value, all
 * length-encoded) up to an end mark, then the compressed events. Each is handed to `visit` in order; a promise is
 * returned where the payload is large or `visit` returned one. Memory: twice the largest event in it, gathered as its
 * bytes really come; an event that claims more than is left of the announced size, or than a server sends, is refused.
 */
export function readTransactionPayload(
  buffer: Buffer,
  start: number,
  end: number,
  visit: InnerEventVisitor,
): void | Promise<void> {
  const cursor = new EventCursor(buffer, start, end)
  let compression = -1
  let size = -1
  let uncompressedSize = -1
  for (let type = cursor.lengthEncoded(); type !== Field.END; type = cursor.lengthEncoded()) {
    const length = cursor.lengthEncoded()
    const valueStart = cursor.take(length)
    const value = new EventCursor(buffer, valueStart, valueStart + length)
    if (type === Field.COMPRESSION) compression = value.lengthEncoded()
    else if (type === Field.SIZE) size = value.lengthEncoded()
    else if (type === Field.UNCOMPRESSED_SIZE) uncompressedSize = value.lengthEncoded()
  }
  if (size !== -1 && size !== cursor.remaining)
    throw corrupt(`a payload of ${cursor.remaining} bytes instead of ${size}`)
  if (compression === Compression.NONE) return visitAll(buffer, cursor.at, end, visit)
  if (compression !== Compression.ZSTD) throw corrupt(`compression type ${compression}`)
  const payload = buffer.subarray(cursor.at, end)
  if (uncompressedSize > payload.length * BEST_RATIO)
    throw corrupt(`${uncompressedSize} bytes compressed into ${payload.length}`)
  if (uncompressedSize >= 0 && uncompressedSize <= AT_ONCE_BYTES) {
    const plain = decompress(payload, uncompressedSize)
    return visitAll(plain, 0, plain.length, visit)
  }
  return decompressInPieces(payload, uncompressedSize, visit)
}

function decompress(payload: Buffer, size: number): Buffer {
  let plain: Buffer
  try {
    plain = zstdDecompressSync(payload, { maxOutputLength: size + 1 })
  } catch (error) {
    throw refused(error)
  }
  if (plain.length !== size) throw corrupt(`${plain.length} bytes where ${size} were compressed`)
  return plain
}

function refused(error: unknown): Error {
  return corrupt(`a payload that zstd refuses (${(error as Error).message})`)
}

/** Events that fill `buffer[start, end)` exactly. */
function visitAll(buffer: Buffer, start: number, end: number, visit: InnerEventVisitor): void | Promise<void> {
  let at = start
  while (at < end) {
    const next = at + eventSize(buffer, at, end)
    if (next > end) throw corrupt('an inner event that goes over the end')
    const pending = visit(buffer, at, next)
    at = next
    if (pending !== undefined) return visitRest(pending, buffer, at, end, visit)
  }
}

async function visitRest(
  pending: Promise<void>,
  buffer: Buffer,
  start: number,
  end: number,
  visit: InnerEventVisitor,
): Promise<void> {
  await pending
  const rest = new WholeEvents(visit, end - start)
  await rest.take(buffer.subarray(start, end))
  rest.finish()
}

/** Bytes of the event at `at`; infinite when even its header is not complete. */
function eventSize(buffer: Buffer, at: number, end: number): number {
  if (at + HEADER_BYTES > end) return Number.POSITIVE_INFINITY
  const size = sizeOf(buffer, at)
  if (size < HEADER_BYTES || size > MOST_EVENT_BYTES) throw corrupt(`an inner event of ${size} bytes`)
  return size
}

async function decompressInPieces(payload: Buffer, size: number, visit: InnerEventVisitor): Promise<void> {
  const zstd = createZstdDecompress({ chunkSize: PIECE_BYTES })
  zstd.end(payload)
  const events = new WholeEvents(visit, size >= 0 ? size : Number.POSITIVE_INFINITY)
  let total = 0
  try {
    for await (const piece of piecesOf(zstd)) {
      total += piece.length
      if (size >= 0 && total > size) throw corrupt(`more than the ${size} bytes that were compressed`)
      await events.take(piece)
    }
  } finally {
    zstd.destroy()
  }
  if (size >= 0 && total !== size) throw corrupt(`${total} bytes where ${size} were compressed`)
  events.finish()
}

/** Only errors of the decompression itself become corruption, not those of whoever uses the pieces. */
async function* piecesOf(zstd: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const iterator = zstd[Symbol.asyncIterator]()
  for (;;) {
    let result: IteratorResult<Buffer>
    try {
      result = await iterator.next()
    } catch (error) {
      throw refused(error)
    }
    if (result.done === true) return
    yield result.value
  }
}

/** Puts events together that are spread over pieces. */
class WholeEvents {
  readonly #visit: InnerEventVisitor
  /** Pieces of an event whose end has not come yet. */
  #parts: Buffer[] = []
  #partBytes = 0
  /** Bytes that events not handed out yet can have in all. */
  #left: number

  constructor(visit: InnerEventVisitor, totalBytes: number) {
    this.#visit = visit
    this.#left = totalBytes
  }

  async take(piece: Buffer): Promise<void> {
    this.#parts.push(piece)
    this.#partBytes += piece.length
    if (this.#partBytes < this.#wanted()) return
    const buffer = this.#parts.length === 1 ? piece : Buffer.concat(this.#parts, this.#partBytes)
    let at = 0
    for (let size = this.#size(buffer, at); at + size <= buffer.length;) {
      const pending = this.#visit(buffer, at, at + size)
      if (pending !== undefined) await pending
      at += size
      this.#left -= size
      size = this.#size(buffer, at)
    }
    this.#parts = at < buffer.length ? [buffer.subarray(at)] : []
    this.#partBytes = buffer.length - at
  }

  finish(): void {
    if (this.#partBytes > 0) throw corrupt('an inner event that goes over the end')
  }

  /** Bytes needed before anything can be handed out. The first part holds a whole header, or else is small. */
  #wanted(): number {
    const size = this.#size(this.#parts[0]!, 0)
    return size === Number.POSITIVE_INFINITY ? HEADER_BYTES : size
  }

  /** Refuses an event as soon as its header says that it cannot be whole, before anything is gathered for it. */
  #size(buffer: Buffer, at: number): number {
    const size = eventSize(buffer, at, buffer.length)
    if (size !== Number.POSITIVE_INFINITY && size > this.#left)
      throw corrupt(`an inner event of ${size} bytes where ${this.#left} are left`)
    return size
  }
}
