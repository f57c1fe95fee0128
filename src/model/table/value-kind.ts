import type { ColumnDef, ValueKind } from './table.ts'
import { ColumnType } from './column-type.ts'

/** Bits of a BIT column that fit a CEL int. */
const INT_BITS = 63

/** How the values of a column look to filters and templates, told without decoding any. */
export function valueKind(column: Pick<ColumnDef, 'type' | 'meta' | 'unsigned' | 'special'>): ValueKind {
  switch (column.type) {
    case ColumnType.TINY:
    case ColumnType.SHORT:
    case ColumnType.INT24:
    case ColumnType.LONG:
    case ColumnType.YEAR:
      return 'int'
    case ColumnType.LONGLONG:
      return column.unsigned ? 'uint64' : 'int'
    case ColumnType.BIT:
      return column.meta > INT_BITS ? 'uint64' : 'int'
    case ColumnType.FLOAT:
    case ColumnType.DOUBLE:
      return 'float'
    case ColumnType.SET:
      return 'set'
    case ColumnType.JSON:
      return 'json'
    case ColumnType.GEOMETRY:
      return 'geometry'
    case ColumnType.VECTOR:
      return 'vector'
    default:
      return column.special === 'vector' ? 'vector' : 'string'
  }
}
