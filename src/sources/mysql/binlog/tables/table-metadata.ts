import type { Flavour } from '../../../../model/table/table.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import type { WireColumn } from './column-meta.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { EventCursor } from '../format/event-cursor.ts'

/** The optional part of a TABLE_MAP event; what the server did not write is null. Arrays have one entry per column. */
export interface TableMetadata {
  unsigned: boolean[] | null
  /** Collation ids of character, ENUM and SET columns, 0 elsewhere. */
  collations: number[] | null
  names: string[] | null
  /** Undecoded values of ENUM and SET columns: they are in the column's own character set. */
  values: (Buffer[] | undefined)[] | null
  /** Column indexes of the primary key, in key order. */
  key: number[] | null
  visible: boolean[] | null
}

/** Table_map_event::Optional_metadata_field_type. */
const Field = {
  SIGNEDNESS: 1,
  DEFAULT_CHARSET: 2,
  COLUMN_CHARSET: 3,
  COLUMN_NAME: 4,
  SET_STR_VALUE: 5,
  ENUM_STR_VALUE: 6,
  SIMPLE_PRIMARY_KEY: 8,
  PRIMARY_KEY_WITH_PREFIX: 9,
  ENUM_AND_SET_DEFAULT_CHARSET: 10,
  ENUM_AND_SET_COLUMN_CHARSET: 11,
  COLUMN_VISIBILITY: 12,
} as const

const NUMERIC: ReadonlySet<number> = new Set([
  ColumnType.TINY,
  ColumnType.SHORT,
  ColumnType.INT24,
  ColumnType.LONG,
  ColumnType.LONGLONG,
  ColumnType.NEWDECIMAL,
  ColumnType.FLOAT,
  ColumnType.DOUBLE,
  // Always unsigned, but it has its bit like the others (seen in MySQL 9.7 and MariaDB 10.11 and 11.8).
  ColumnType.YEAR,
])

const CHARACTER: ReadonlySet<number> = new Set([
  ColumnType.STRING,
  ColumnType.VAR_STRING,
  ColumnType.VARCHAR,
  ColumnType.TINY_BLOB,
  ColumnType.BLOB,
  ColumnType.MEDIUM_BLOB,
  ColumnType.LONG_BLOB,
  ColumnType.MARIADB_BLOB_COMPRESSED,
  ColumnType.MARIADB_VARCHAR_COMPRESSED,
  // MySQL takes it for a BLOB here.
  ColumnType.VECTOR,
])

/**
 * Reads the fields type u8 | length | value up to the end. Each speaks only of the columns of its kind, in their order
 * (SIGNEDNESS of numeric ones and so on). A field that we do not know or do not need (GEOMETRY_TYPE 7,
 * VECTOR_DIMENSIONALITY 13) is passed over.
 */
export function readTableMetadata(
  cursor: EventCursor,
  columns: readonly WireColumn[],
  flavour: Flavour,
): TableMetadata {
  const metadata: TableMetadata = {
    unsigned: null,
    collations: null,
    names: null,
    values: null,
    key: null,
    visible: null,
  }
  while (cursor.remaining > 0) {
    const type = cursor.u8()
    const length = cursor.lengthEncoded()
    const start = cursor.take(length)
    readField(type, new EventCursor(cursor.buffer, start, start + length), columns, flavour, metadata)
  }
  return metadata
}

function readField(
  type: number,
  field: EventCursor,
  columns: readonly WireColumn[],
  flavour: Flavour,
  metadata: TableMetadata,
): void {
  const isText = flavour === 'mariadb' ? isMariadbCharacter : isCharacter
  switch (type) {
    case Field.SIGNEDNESS:
      metadata.unsigned = readFlags(field, columns, isNumeric)
      return
    case Field.DEFAULT_CHARSET:
      readDefaultCollations(field, columns, isText, (metadata.collations ??= columns.map(() => 0)))
      return
    case Field.COLUMN_CHARSET:
      readCollations(field, columns, isText, (metadata.collations ??= columns.map(() => 0)))
      return
    case Field.ENUM_AND_SET_DEFAULT_CHARSET:
      readDefaultCollations(field, columns, isEnumOrSet, (metadata.collations ??= columns.map(() => 0)))
      return
    case Field.ENUM_AND_SET_COLUMN_CHARSET:
      readCollations(field, columns, isEnumOrSet, (metadata.collations ??= columns.map(() => 0)))
      return
    case Field.COLUMN_NAME:
      metadata.names = columns.map(() => field.utf8(field.lengthEncoded()))
      return
    case Field.SET_STR_VALUE:
      readValues(field, columns, ColumnType.SET, (metadata.values ??= columns.map(() => undefined)))
      return
    case Field.ENUM_STR_VALUE:
      readValues(field, columns, ColumnType.ENUM, (metadata.values ??= columns.map(() => undefined)))
      return
    case Field.SIMPLE_PRIMARY_KEY:
      metadata.key = readKey(field, columns.length, false)
      return
    case Field.PRIMARY_KEY_WITH_PREFIX:
      metadata.key = readKey(field, columns.length, true)
      return
    case Field.COLUMN_VISIBILITY:
      metadata.visible = readFlags(field, columns, () => true)
      return
    default:
  }
}

function isNumeric(column: WireColumn): boolean {
  return NUMERIC.has(column.type)
}

function isCharacter(column: WireColumn): boolean {
  return CHARACTER.has(column.type)
}

/** To MariaDB a geometry is a blob, so it has a collation (binary) like the others. */
function isMariadbCharacter(column: WireColumn): boolean {
  return CHARACTER.has(column.type) || column.type === ColumnType.GEOMETRY
}

function isEnumOrSet(column: WireColumn): boolean {
  return column.type === ColumnType.ENUM || column.type === ColumnType.SET
}

/** One bit for each column of the kind, highest bit first. */
function readFlags(
  field: EventCursor,
  columns: readonly WireColumn[],
  isOfKind: (c: WireColumn) => boolean,
): boolean[] {
  let ordinal = 0
  let byte = 0
  return columns.map((column) => {
    if (!isOfKind(column)) return false
    if ((ordinal & 7) === 0) byte = field.u8()
    return (byte & (0x80 >> (ordinal++ & 7))) !== 0
  })
}

/** A default collation, then pairs (ordinal among the columns of the kind, collation) for those that differ. */
function readDefaultCollations(
  field: EventCursor,
  columns: readonly WireColumn[],
  isOfKind: (c: WireColumn) => boolean,
  collations: number[],
): void {
  const kind = columns.flatMap((column, index) => (isOfKind(column) ? [index] : []))
  const fallback = field.lengthEncoded()
  for (const index of kind) collations[index] = fallback
  while (field.remaining > 0) {
    const index = kind[field.lengthEncoded()]
    if (index === undefined) throw corrupt('a collation for a column that is not there')
    collations[index] = field.lengthEncoded()
  }
}

function readCollations(
  field: EventCursor,
  columns: readonly WireColumn[],
  isOfKind: (c: WireColumn) => boolean,
  collations: number[],
): void {
  columns.forEach((column, index) => {
    if (isOfKind(column)) collations[index] = field.lengthEncoded()
  })
}

function readValues(
  field: EventCursor,
  columns: readonly WireColumn[],
  type: number,
  values: (Buffer[] | undefined)[],
): void {
  columns.forEach((column, index) => {
    if (column.type !== type) return
    const count = field.lengthEncoded()
    if (count > field.remaining) throw corrupt(`${count} values of an ENUM or SET`)
    values[index] = Array.from({ length: count }, () => {
      const start = field.take(field.lengthEncoded())
      return Buffer.from(field.buffer.subarray(start, field.at))
    })
  })
}

function readKey(field: EventCursor, columns: number, withPrefixes: boolean): number[] {
  const key: number[] = []
  while (field.remaining > 0) {
    const column = field.lengthEncoded()
    if (column >= columns) throw corrupt(`column ${column} in the primary key of ${columns} columns`)
    key.push(column)
    if (withPrefixes) field.lengthEncoded()
  }
  return key
}
