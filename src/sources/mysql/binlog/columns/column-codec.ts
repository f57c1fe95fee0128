import type { ColumnDef } from '../../../../model/table/table.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { readBinaryJson } from '../json/binary-json.ts'
import { bitColumn } from './bit.ts'
import { type ColumnCodec, inlineColumn, variableColumn } from './codec.ts'
import { compressedColumn } from './compressed.ts'
import { decimalColumn } from './decimal.ts'
import { enumColumn, setColumn } from './enum-set.ts'
import { doubleColumn, floatColumn } from './floats.ts'
import { readGeometry } from './geometry.ts'
import { integerColumn } from './integers.ts'
import { inet4Text, inet6Text, uuidText } from './mariadb.ts'
import { BINARY_COLLATION, binaryColumn, blobColumn, lengthBytesFor, paddedColumn, stringColumn } from './strings.ts'
import * as old from './temporal-old.ts'
import * as temporal from './temporal.ts'
import { readVector } from './vector.ts'

/**
 * How a column is read from row images. `meta` is packed as `readColumnMeta` (../tables/column-meta.ts) tells.
 * Throws BINGO_BINLOG_CORRUPT for a type that no server writes, and where ENUM or SET values are not known.
 */
export function columnCodec(column: ColumnDef): ColumnCodec {
  const { type, meta, unsigned } = column
  switch (type) {
    case ColumnType.TINY:
      return integerColumn(1, unsigned)
    case ColumnType.SHORT:
      return integerColumn(2, unsigned)
    case ColumnType.INT24:
      return integerColumn(3, unsigned)
    case ColumnType.LONG:
      return integerColumn(4, unsigned)
    case ColumnType.LONGLONG:
      return integerColumn(8, unsigned)
    case ColumnType.FLOAT:
      return floatColumn
    case ColumnType.DOUBLE:
      return doubleColumn
    case ColumnType.NEWDECIMAL:
      return decimalColumn(meta >> 8, meta & 255)
    case ColumnType.BIT:
      return bitColumn(meta)
    case ColumnType.ENUM:
      return enumColumn(meta, knownValues(column))
    case ColumnType.SET:
      return setColumn(meta, knownValues(column))
    case ColumnType.NULL:
      return inlineColumn(0, (target) => `${target}=null;`)
    default:
      return temporalCodec(column) ?? bytesCodec(column)
  }
}

function knownValues(column: ColumnDef): readonly string[] {
  if (column.values === undefined) throw corrupt(`no values known of column ${column.name}`)
  return column.values
}

function temporalCodec({ type, meta, special }: ColumnDef): ColumnCodec | undefined {
  const hires = special === 'mariadb53-temporal' && meta > 0
  switch (type) {
    case ColumnType.DATE:
    case ColumnType.NEWDATE:
      return temporal.dateColumn
    case ColumnType.YEAR:
      return temporal.yearColumn
    case ColumnType.TIME2:
      return temporal.timeColumn(meta)
    case ColumnType.DATETIME2:
      return temporal.datetimeColumn(meta)
    case ColumnType.TIMESTAMP2:
      return temporal.timestampColumn(meta)
    case ColumnType.TIME:
      return hires ? old.hiresTimeColumn(meta) : old.oldTimeColumn
    case ColumnType.DATETIME:
      return hires ? old.hiresDatetimeColumn(meta) : old.oldDatetimeColumn
    case ColumnType.TIMESTAMP:
      return hires ? old.hiresTimestampColumn(meta) : old.oldTimestampColumn
    default:
      return undefined
  }
}

function bytesCodec(column: ColumnDef): ColumnCodec {
  const { type, meta, collation } = column
  switch (type) {
    case ColumnType.VARCHAR:
      if (column.special === 'vector') return variableColumn(lengthBytesFor(meta), readVector)
      return stringColumn(meta, collation)
    case ColumnType.VAR_STRING:
      return stringColumn(meta, collation)
    case ColumnType.STRING:
      return fixedStringCodec(column)
    case ColumnType.TINY_BLOB:
    case ColumnType.MEDIUM_BLOB:
    case ColumnType.LONG_BLOB:
    case ColumnType.BLOB:
      return blobColumn(meta, collation)
    case ColumnType.MARIADB_BLOB_COMPRESSED:
      return compressedColumn(meta, collation)
    case ColumnType.MARIADB_VARCHAR_COMPRESSED:
      return compressedColumn(lengthBytesFor(meta), collation)
    case ColumnType.JSON:
      return variableColumn(meta, readBinaryJson)
    case ColumnType.GEOMETRY:
      return variableColumn(meta, readGeometry)
    case ColumnType.VECTOR:
      return variableColumn(meta, readVector)
    default:
      throw corrupt(`column type ${type}`)
  }
}

function fixedStringCodec({ meta, collation, special }: ColumnDef): ColumnCodec {
  if (special === 'uuid') return paddedColumn(16, uuidText)
  if (special === 'inet4') return paddedColumn(4, inet4Text)
  if (special === 'inet6') return paddedColumn(16, inet6Text)
  return collation === BINARY_COLLATION ? binaryColumn(meta) : stringColumn(meta, collation)
}
