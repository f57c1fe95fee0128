import type { Row, Value } from '../../../../../src/model/event/row.ts'
import type { ColumnDef, TableDef } from '../../../../../src/model/table/table.ts'
import { decoderOfCollation } from '../../../../../src/sources/mysql/binlog/charset/collations.ts'
import { readGeometry } from '../../../../../src/sources/mysql/binlog/columns/geometry.ts'
import { readBinaryJson } from '../../../../../src/sources/mysql/binlog/json/binary-json.ts'
import type { RowShape } from '../../../../../src/sources/mysql/binlog/rows/row-decoder.ts'

/**
 * Decodes row images column by column the slow way, from the description of the format: what the generated code is
 * compared with. Every number goes through BigInt, every text through string operations. JSON, geometry and character
 * sets are the real ones: their own tests compare them with the server.
 */
export function decodeSlowly(table: TableDef, shape: RowShape, images: Buffer): { old: Row | null; new: Row | null }[] {
  const rows: { old: Row | null; new: Row | null }[] = []
  const bytes = new ByteReader(images)
  while (bytes.left > 0) {
    const old = shape.op === 'insert' ? null : readImage(bytes, table, shape.presentOld.has.bind(shape.presentOld))
    const new_ = shape.op === 'delete' ? null : readImage(bytes, table, shape.presentNew.has.bind(shape.presentNew))
    rows.push({ old, new: old === null || new_ === null ? new_ : completedFrom(old, new_) })
  }
  return rows
}

/** What an after image leaves out is as it was before. */
function completedFrom(old: Row, new_: Row): Row {
  return Object.assign(Object.create(null) as Row, old, new_)
}

class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(length: number): Buffer {
    if (length > this.left) throw new Error('past the end')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  little(length: number): bigint {
    return [...this.take(length)].reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)
  }

  big(length: number): bigint {
    return [...this.take(length)].reduce((value, byte) => value * 256n + BigInt(byte), 0n)
  }
}

function readImage(bytes: ByteReader, table: TableDef, has: (column: number) => boolean): Row {
  const present = table.columns.filter((_, index) => has(index))
  const nulls = bytes.take(Math.ceil(present.length / 8))
  const row = Object.create(null) as { [column: string]: Value }
  for (const [i, column] of present.entries()) {
    const isNull = (nulls[Math.floor(i / 8)]! >> (i % 8)) % 2 === 1
    row[column.name] = isNull ? null : readValue(bytes, column)
  }
  return row
}

function readValue(bytes: ByteReader, column: ColumnDef): Value {
  const { type, meta } = column
  const sizes: { [type: number]: number } = { 1: 1, 2: 2, 9: 3, 3: 4, 8: 8 }
  if (sizes[type] !== undefined) return readInteger(bytes, sizes[type], column.unsigned)
  switch (type) {
    case 4:
      return shortest(bytes.take(4).readFloatLE())
    case 5:
      return bytes.take(8).readDoubleLE()
    case 10:
      return readDate(bytes)
    case 13:
      return readYear(bytes)
    case 16:
      return exact(bytes.big(Math.ceil(meta / 8)))
    case 17:
    case 18:
    case 19:
      return readTemporal(bytes, type, meta)
    case 246:
      return readDecimal(bytes, meta >> 8, meta & 255)
    case 247:
      return ['', ...column.values!][Number(bytes.little(meta))]
    case 248: {
      const bits = bytes.little(meta)
      return column.values!.filter((_, i) => (bits >> BigInt(i)) % 2n === 1n)
    }
    default:
      return readBytes(bytes, column)
  }
}

export function exact(value: bigint): number | bigint {
  return value >= -(2n ** 53n - 1n) && value <= 2n ** 53n - 1n ? Number(value) : value
}

function readInteger(bytes: ByteReader, size: number, unsigned: boolean): number | bigint {
  const value = bytes.little(size)
  return exact(unsigned ? value : BigInt.asIntN(8 * size, value))
}

export function shortest(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits))
    if (Math.fround(text) === value) return text
  }
  throw new Error(`${value} is no float`)
}

const pad = (value: number | bigint, digits: number): string => String(value).padStart(digits, '0')

function readDate(bytes: ByteReader): string {
  const value = Number(bytes.little(3))
  return `${pad(Math.floor(value / 512), 4)}-${pad(Math.floor(value / 32) % 16, 2)}-${pad(value % 32, 2)}`
}

function readYear(bytes: ByteReader): number {
  const year = Number(bytes.little(1))
  return year === 0 ? 0 : year + 1900
}

function readTemporal(bytes: ByteReader, type: number, digits: number): string {
  const extra = Math.ceil(digits / 2)
  const whole = { 17: 4, 18: 5, 19: 3 }[type]!
  let value = bytes.big(whole + extra)
  const negative = type === 19 && value < 2n ** BigInt(8 * (whole + extra) - 1)
  if (type !== 17) value -= 2n ** BigInt(8 * (whole + extra) - 1)
  if (value < 0n) value = -value
  const unit = 256n ** BigInt(extra)
  const fraction = digits === 0 ? '' : `.${pad(value % unit, 2 * extra).slice(0, digits)}`
  const part = value / unit
  if (type === 17) {
    if (part === 0n) return `0000-00-00 00:00:00${fraction}`
    return `${new Date(Number(part) * 1000).toISOString().slice(0, 19)}${fraction}Z`
  }
  const clock = [12n, 6n, 0n].map((shift) =>
    pad((part >> shift) % (type === 19 && shift === 12n ? 1024n : shift === 12n ? 32n : 64n), 2),
  )
  const time = `${negative ? '-' : ''}${clock.join(':')}${fraction}`
  if (type === 19) return time
  const yearMonth = part >> 22n
  return `${pad(yearMonth / 13n, 4)}-${pad(yearMonth % 13n, 2)}-${pad((part >> 17n) % 32n, 2)} ${time}`
}

function readDecimal(bytes: ByteReader, precision: number, scale: number): string {
  const sizes = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4]
  const whole = precision - scale
  const groups = [whole % 9, ...Array<number>(Math.floor(whole / 9)).fill(9)]
  const tail = [...Array<number>(Math.floor(scale / 9)).fill(9), scale % 9]
  const width = [...groups, ...tail].reduce((sum, digits) => sum + sizes[digits]!, 0)
  const raw = Buffer.from(bytes.take(width))
  const negative = raw[0]! < 128
  raw[0]! ^= 128
  if (negative) for (let i = 0; i < width; i++) raw[i]! ^= 255
  const reader = new ByteReader(raw)
  const text = (list: readonly number[]): string =>
    list.map((digits) => (digits === 0 ? '' : pad(reader.big(sizes[digits]!), digits))).join('')
  const integer = text(groups).replace(/^0+/, '') || '0'
  return `${negative ? '-' : ''}${integer}${scale === 0 ? '' : `.${text(tail)}`}`
}

function readBytes(bytes: ByteReader, { type, meta, collation }: ColumnDef): Value {
  const lengthBytes = type === 15 || type === 254 ? (meta > 255 ? 2 : 1) : meta
  const value = bytes.take(Number(bytes.little(lengthBytes)))
  if (type === 245) return readBinaryJson(value, 0, value.length)
  if (type === 255) return readGeometry(value, 0, value.length)
  if (type === 242) {
    return Array.from({ length: value.length / 4 }, (_, i) => shortest(value.readFloatLE(4 * i)))
  }
  if (collation !== 63) return decoderOfCollation(collation)(value, 0, value.length)
  const padding = type === 254 ? Buffer.alloc(Math.max(meta - value.length, 0)) : Buffer.alloc(0)
  return Buffer.concat([value, padding]).toString('base64')
}
