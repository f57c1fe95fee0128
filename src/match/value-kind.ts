import type { ColumnDef, ValueKind } from '../core/table.ts'

/**
 * How the decoded values of a column look to filters and templates. Type codes: `enum_field_types` in the server's
 * include/field_types.h. Everything that is not listed is text (DECIMAL, temporal types, ENUM, binary as base64).
 */
export function valueKind(column: ColumnDef): ValueKind {
  switch (column.type) {
    case TYPE.tiny:
    case TYPE.short:
    case TYPE.int24:
    case TYPE.long:
    case TYPE.year:
      return 'int'
    case TYPE.longlong:
      return column.unsigned ? 'uint64' : 'int'
    case TYPE.bit:
      return column.meta > 63 ? 'uint64' : 'int'
    case TYPE.float:
    case TYPE.double:
      return 'float'
    case TYPE.json:
      return 'json'
    case TYPE.set:
      return 'set'
    case TYPE.geometry:
      return 'geometry'
    case TYPE.vector:
      return 'vector'
    default:
      return 'string'
  }
}

const TYPE = {
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  longlong: 8,
  int24: 9,
  year: 13,
  bit: 16,
  vector: 242,
  json: 245,
  set: 248,
  geometry: 255,
} as const
