import { stringifyValue } from '../../../../model/event/forms/event-json.ts'
import type { ByteArena } from '../../../../model/event/bytes/byte-arena.ts'
import type { Value } from '../../../../model/event/row.ts'
import type { ColumnDef, ValueKind } from '../../../../model/table/table.ts'
import { valueKind } from '../../../../model/table/value-kind.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import { isAsciiBelow128 } from '../charset/charsets.ts'
import { charsetOfCollation } from '../charset/collations.ts'
import type { ColumnCodec, Constants } from '../columns/codec.ts'
import { decimalCode } from '../columns/decimal.ts'
import { columnCodec } from '../columns/column-codec.ts'
import { BINARY_COLLATION } from '../columns/strings.ts'
import { writeDouble, writeFixed, writeInteger } from '../../../../model/event/bytes/numbers.ts'
import { wordText } from '../../../../model/event/bytes/event-head.ts'
import { writeWords } from '../../../../model/event/bytes/stores.ts'
import { escapesIn, writeText } from '../../../../model/event/bytes/text.ts'
import { writeDate, writeDatetime, writeTimestamp } from './times.ts'

/** Longer texts are looked through before room is made for them: all of it might have to be escaped. */
const LONG_TEXT_BYTES = 2_048
/** What one byte of text becomes at most. */
export const ESCAPED_BYTES = 6
const INTEGER_BYTES = 20
const DOUBLE_BYTES = 26
const TIME_BYTES = 36

/**
 * How the value of one column is written as JSON. The code finds the value at `p`, and where it has a length its end at
 * `e`, in the buffer `b` with the view `s`; it writes to the view `v` of the arena `a` at `w`, which it moves. `room`: as
 * many bytes as have to be free behind it for whatever follows.
 */
export interface ValueCode {
  readonly codec: ColumnCodec
  /** Most bytes of a value, but for texts, which take their part of the room by their length. */
  readonly bytes: number
  readonly isText: boolean
  write(constant: Constants): string
}

export function valueCode(column: ColumnDef): ValueCode {
  const codec = columnCodec(column)
  const decoded = (constant: Constants): string =>
    `let x;${codec.read('x', constant)}w=${constant(writeValue)}(a,w,x,room);v=a.view;`
  const fixed = (bytes: number, write: ValueCode['write']): ValueCode => ({ codec, bytes, isText: false, write })
  const orDecoded = (call: (constant: Constants) => string) => (constant: Constants) =>
    `const t=${call(constant)};if(t<0){${decoded(constant)}}else w=t;`
  switch (column.type) {
    case ColumnType.TINY:
    case ColumnType.SHORT:
    case ColumnType.INT24:
    case ColumnType.LONG:
    case ColumnType.YEAR:
      return fixed(INTEGER_BYTES, (constant) => integerCode(codec, constant))
    case ColumnType.LONGLONG:
    case ColumnType.BIT:
      return fixed(INTEGER_BYTES + 2, (constant) => wideCode(codec, constant))
    case ColumnType.DOUBLE:
    case ColumnType.FLOAT:
      return fixed(DOUBLE_BYTES, (constant) => `let x;${codec.read('x', constant)}w=${constant(writeDouble)}(v,w,x);`)
    case ColumnType.NEWDECIMAL:
      return decimalValue(column, codec, decoded)
    case ColumnType.ENUM:
      return enumValue(column, codec, decoded)
    case ColumnType.DATE:
    case ColumnType.NEWDATE:
      return fixed(
        TIME_BYTES,
        orDecoded((constant) => `${constant(writeDate)}(v,w,b,p)`),
      )
    case ColumnType.DATETIME2:
      return fixed(
        TIME_BYTES,
        orDecoded((constant) => `${constant(writeDatetime)}(v,w,b,p,${column.meta})`),
      )
    case ColumnType.TIMESTAMP2:
      return fixed(
        TIME_BYTES,
        orDecoded((constant) => `${constant(writeTimestamp)}(v,w,b,p,${column.meta})`),
      )
    default: {
      const ascii = textKind(column)
      if (ascii === null) return fixed(0, decoded)
      const write = orDecoded((constant) => `${constant(writeText)}(v,w,b,s,p,e,${ascii === 'ascii'})`)
      const code = (constant: Constants): string =>
        `if(e-p>${LONG_TEXT_BYTES}){w=${constant(makeRoomForText)}(a,w,b,s,p,e,room);v=a.view;}${write(constant)}`
      return { codec, bytes: 2, isText: true, write: code }
    }
  }
}

/** Kinds of values whose JSON is a list or a map. */
const STRUCTURES: ReadonlySet<ValueKind> = new Set<ValueKind>(['set', 'json', 'geometry', 'vector'])

export function isTextOrNumber(column: ColumnDef): boolean {
  return !STRUCTURES.has(valueKind(column))
}

/** Bytes of a text that count for the room that its row needs. */
export function textRoomCode(length: string): string {
  return `(${length}>${LONG_TEXT_BYTES}?0:${length})`
}

/** Texts that the table names; for an index that it does not have the decoder has the error. */
function enumValue({ meta, values }: ColumnDef, codec: ColumnCodec, decoded: ValueCode['write']): ValueCode {
  const texts = ['', ...(values ?? [])].map((text) => wordText(JSON.stringify(text)))
  const bytes = Math.max(...texts.map(({ length }) => length))
  const index = meta === 1 ? 'b[p]' : '(b[p]|b[p+1]<<8)'
  const write = (constant: Constants): string =>
    `const t=${constant(texts)}[${index}];if(t===undefined){${decoded(constant)}}else{${constant(writeWords)}(v,w,t.words);w+=t.length;}`
  return { codec, bytes, isText: false, write }
}

/** In quotes, with all digits of the scale. */
function decimalValue({ meta }: ColumnDef, codec: ColumnCodec, decoded: ValueCode['write']): ValueCode {
  const { integer, fraction } = decimalCode(meta >> 8, meta & 255)
  const bytes = (meta >> 8) + 6
  if (integer === null) return { codec, bytes: 0, isText: false, write: decoded }
  const write = (constant: Constants): string => {
    const whole = `w=${constant(writeInteger)}(v,w,${integer});`
    const parts = fraction.map(({ value, digits }) => `w=${constant(writeFixed)}(v,w,${value},${digits});`)
    const point = parts.length === 0 ? '' : 'v.setUint8(w++,46);'
    return `const m=b[p]&128?0:-1;v.setUint8(w++,34);if(m!==0)v.setUint8(w++,45);${whole}${point}${parts.join('')}v.setUint8(w++,34);`
  }
  return { codec, bytes, isText: false, write }
}

function integerCode(codec: ColumnCodec, constant: Constants): string {
  return `let x;${codec.read('x', constant)}w=${constant(writeInteger)}(v,w,x);`
}

/** Beyond 2^53 it is a bigint, and text in JSON. */
function wideCode(codec: ColumnCodec, constant: Constants): string {
  const written = `w=${constant(writeInteger)}(v,w,x);`
  return `let x;${codec.read('x', constant)}if(typeof x==='number')${written}else{w=${constant(writeValue)}(a,w,x,room);v=a.view;}`
}

/** How much of the column's text is UTF-8 as it lies there; null: it is no text, or another encoding altogether. */
function textKind({ type, collation, special, meta }: ColumnDef): 'utf8' | 'ascii' | null {
  switch (type) {
    case ColumnType.STRING:
    case ColumnType.VARCHAR:
    case ColumnType.VAR_STRING:
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB: {
      if (special !== undefined || collation === BINARY_COLLATION || meta < 0) return null
      const charset = charsetOfCollation(collation) ?? 'utf8mb4'
      if (charset === 'utf8mb4' || charset === 'utf8mb3') return 'utf8'
      return isAsciiBelow128(charset) ? 'ascii' : null
    }
    default:
      return null
  }
}

/** Whatever the decoder made of a value. */
function writeValue(into: ByteArena, to: number, value: Value, room: number): number {
  const text = stringifyValue(value)
  const at = into.reserve(to, text.length * 3 + room)
  return at + into.buffer.write(text, at)
}

/** Room for the text if no byte of it has to be escaped, and for as many as have to. */
function makeRoomForText(
  into: ByteArena,
  to: number,
  bytes: Uint8Array,
  source: DataView,
  start: number,
  end: number,
  room: number,
): number {
  const escapes = escapesIn(bytes, source, start, end)
  return into.reserve(to, end - start + 2 + (ESCAPED_BYTES - 1) * escapes + room)
}
