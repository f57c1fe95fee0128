import { ColumnType } from '../../../../model/table/column-type.ts'
import { corrupt } from '../format/corrupt-event.ts'
import type { EventCursor } from '../format/event-cursor.ts'

/** A column's type with STRING resolved, and its metadata as one number (`ColumnDef.meta`). */
export interface WireColumn {
  readonly type: number
  readonly meta: number
}

/** Wire types that carry no metadata. */
const PLAIN: ReadonlySet<number> = new Set([
  ColumnType.DECIMAL,
  ColumnType.TINY,
  ColumnType.SHORT,
  ColumnType.LONG,
  ColumnType.NULL,
  ColumnType.TIMESTAMP,
  ColumnType.LONGLONG,
  ColumnType.INT24,
  ColumnType.DATE,
  ColumnType.TIME,
  ColumnType.DATETIME,
  ColumnType.YEAR,
  ColumnType.NEWDATE,
])

/**
 * Takes one column's metadata from the metadata block of a TABLE_MAP event (table_def::table_def in sql/rpl_utility.cc):
 *
 * | type | bytes | `meta` |
 * |---|---|---|
 * | FLOAT, DOUBLE | u8 | size in bytes |
 * | VARCHAR (MariaDB: compressed too) | u16 | longest value in bytes |
 * | BIT | bits u8, bytes u8 | bits in all |
 * | NEWDECIMAL | precision u8, scale u8 | precision << 8 or scale |
 * | STRING, VAR_STRING, ENUM, SET | real type u8, length u8 | bytes of CHAR; bytes of an ENUM or SET value |
 * | BLOB family, JSON, GEOMETRY, VECTOR | u8 | bytes of the length that precedes the value |
 * | TIMESTAMP2, DATETIME2, TIME2 | u8 | fraction digits |
 * | all others | none | 0 |
 */
export function readColumnMeta(wireType: number, block: EventCursor): WireColumn {
  if (PLAIN.has(wireType)) return { type: wireType, meta: 0 }
  switch (wireType) {
    case ColumnType.FLOAT:
    case ColumnType.DOUBLE:
      return { type: wireType, meta: block.u8() }
    case ColumnType.TIMESTAMP2:
    case ColumnType.DATETIME2:
    case ColumnType.TIME2:
      return { type: wireType, meta: checked(block.u8(), 0, 6, 'fraction digits') }
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB:
    case ColumnType.JSON:
    case ColumnType.GEOMETRY:
    case ColumnType.VECTOR:
    case ColumnType.MARIADB_BLOB_COMPRESSED:
      return { type: wireType, meta: checked(block.u8(), 1, 4, 'length bytes') }
    case ColumnType.VARCHAR:
    case ColumnType.MARIADB_VARCHAR_COMPRESSED:
      return { type: wireType, meta: block.u16() }
    case ColumnType.BIT: {
      const bits = block.u8()
      return { type: wireType, meta: checked(block.u8() * 8 + bits, 1, 64, 'bits') }
    }
    case ColumnType.NEWDECIMAL:
      return readDecimal(block)
    case ColumnType.STRING:
    case ColumnType.VAR_STRING:
    case ColumnType.ENUM:
    case ColumnType.SET:
      return readString(block)
    default:
      throw corrupt(`column type ${wireType}`)
  }
}

function readDecimal(block: EventCursor): WireColumn {
  const precision = checked(block.u8(), 1, 65, 'decimal digits')
  const scale = checked(block.u8(), 0, Math.min(precision, 38), 'decimal places')
  return { type: ColumnType.NEWDECIMAL, meta: (precision << 8) | scale }
}

/**
 * CHAR columns can hold up to 1020 bytes, so the two uppermost bits of the length are kept, inverted, in bits 4 and 5
 * of the type, which are set in every real type (MySQL bug 37426).
 */
function readString(block: EventCursor): WireColumn {
  const high = block.u8()
  const low = block.u8()
  const type = high | 0x30
  const meta = low | (((high & 0x30) ^ 0x30) << 4)
  if (type === ColumnType.ENUM) return { type, meta: checked(low, 1, 2, 'ENUM bytes') }
  if (type === ColumnType.SET) return { type, meta: checked(low, 1, 8, 'SET bytes') }
  if (type !== ColumnType.STRING && type !== ColumnType.VAR_STRING) throw corrupt(`string column type ${type}`)
  return { type, meta }
}

function checked(value: number, least: number, most: number, what: string): number {
  if (value < least || value > most) throw corrupt(`${value} ${what}`)
  return value
}
