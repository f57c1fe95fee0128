import { ColumnType } from '../../../model/table/column-type.ts'
import type { ColumnDef, Flavour, TableDef } from '../../../model/table/table.ts'
import type { CreatedTable } from './create-table.ts'
import type { DeclaredColumn } from './declared-column.ts'
import { specialOf } from './declared-column.ts'

/**
 * A table as a CREATE TABLE statement declares it, for checks of rules: types, values and NULLs are right; how wide a
 * length is on the wire is not told. Events are decoded by what their table maps say.
 */
export function tableOfDeclaration(
  table: CreatedTable,
  schema: string,
  { flavour, release }: { readonly flavour: Flavour; readonly release: number },
): TableDef {
  const leavesOutGenerated = flavour === 'mariadb' && release >= FIRST_WITHOUT_GENERATED
  const columns = table.columns.map((column) => ({
    ...columnOf(column, flavour),
    ...(leavesOutGenerated && column.generated === true && { unlogged: true }),
  }))
  const key = table.key
    // The server adds it so that versions of one row differ; a row is the same one through all of them.
    .filter((name) => name !== table.versioned?.rowEnd)
    .map((name) => columns.findIndex((column) => column.name === name))
    .filter((index) => index >= 0)
  return { schema: table.schema || schema, name: table.name, columns, key, flavour }
}

/** MariaDB 11.8 leaves generated columns out of UPDATE and DELETE, whatever binlog_row_image is; 11.4 does not. */
export const FIRST_WITHOUT_GENERATED = 1108

function columnOf(declared: DeclaredColumn, flavour: Flavour): ColumnDef {
  const { name, dataType, nullable, unsigned, collation, values, visible, precision, scale, fractionDigits } = declared
  const type = typeOf(dataType, flavour)
  const meta =
    type === ColumnType.NEWDECIMAL
      ? (precision << 8) | scale
      : type === ColumnType.BIT
        ? precision
        : TEMPORAL.has(type)
          ? fractionDigits
          : 0
  const special = specialOf(declared, flavour, type)
  return {
    name,
    type,
    meta,
    nullable,
    unsigned,
    collation,
    visible,
    ...(values && { values }),
    ...(special && { special }),
  }
}

const TEMPORAL: ReadonlySet<number> = new Set([ColumnType.DATETIME2, ColumnType.TIMESTAMP2, ColumnType.TIME2])

const TYPES: { readonly [dataType: string]: number } = {
  tinyint: ColumnType.TINY,
  smallint: ColumnType.SHORT,
  mediumint: ColumnType.INT24,
  int: ColumnType.LONG,
  bigint: ColumnType.LONGLONG,
  float: ColumnType.FLOAT,
  double: ColumnType.DOUBLE,
  decimal: ColumnType.NEWDECIMAL,
  bit: ColumnType.BIT,
  year: ColumnType.YEAR,
  date: ColumnType.DATE,
  time: ColumnType.TIME2,
  datetime: ColumnType.DATETIME2,
  timestamp: ColumnType.TIMESTAMP2,
  char: ColumnType.STRING,
  binary: ColumnType.STRING,
  uuid: ColumnType.STRING,
  inet4: ColumnType.STRING,
  inet6: ColumnType.STRING,
  enum: ColumnType.ENUM,
  set: ColumnType.SET,
}

function typeOf(dataType: string, flavour: Flavour): number {
  const known = Object.hasOwn(TYPES, dataType) ? TYPES[dataType] : undefined
  if (known !== undefined) return known
  if (dataType === 'json') return flavour === 'mysql' ? ColumnType.JSON : ColumnType.BLOB
  if (dataType === 'vector') return flavour === 'mysql' ? ColumnType.VECTOR : ColumnType.VARCHAR
  if (/(blob|text)$/.test(dataType)) return ColumnType.BLOB
  return /^(geom|point|line|poly|multi)/.test(dataType) ? ColumnType.GEOMETRY : ColumnType.VARCHAR
}
