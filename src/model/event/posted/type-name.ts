import { ColumnType } from '../../table/column-type.ts'
import type { ColumnDef } from '../../table/table.ts'

const BINARY_COLLATION = 63

/** What a column is called in SQL, as far as its wire type tells: `INT UNSIGNED`, `DECIMAL(10,2)`, `DATETIME(6)`. */
export function typeName(column: ColumnDef): string {
  const { type, meta, unsigned, special } = column
  if (special !== undefined && special !== 'mariadb53-temporal') return special.toUpperCase()
  const name = NAMES[type]
  if (name !== undefined) return unsigned && UNSIGNED.has(type) ? `${name} UNSIGNED` : name
  const binary = column.collation === BINARY_COLLATION
  switch (type) {
    case ColumnType.NEWDECIMAL:
      return `DECIMAL(${meta >> 8},${meta & 0xff})`
    case ColumnType.DATETIME2:
      return meta > 0 ? `DATETIME(${meta})` : 'DATETIME'
    case ColumnType.TIMESTAMP2:
      return meta > 0 ? `TIMESTAMP(${meta})` : 'TIMESTAMP'
    case ColumnType.TIME2:
      return meta > 0 ? `TIME(${meta})` : 'TIME'
    case ColumnType.STRING:
      return binary ? 'BINARY' : 'CHAR'
    case ColumnType.BLOB:
      return binary ? 'BLOB' : 'TEXT'
    default:
      return binary ? 'VARBINARY' : 'VARCHAR'
  }
}

const NAMES: { readonly [type: number]: string } = {
  [ColumnType.TINY]: 'TINYINT',
  [ColumnType.SHORT]: 'SMALLINT',
  [ColumnType.INT24]: 'MEDIUMINT',
  [ColumnType.LONG]: 'INT',
  [ColumnType.LONGLONG]: 'BIGINT',
  [ColumnType.FLOAT]: 'FLOAT',
  [ColumnType.DOUBLE]: 'DOUBLE',
  [ColumnType.YEAR]: 'YEAR',
  [ColumnType.BIT]: 'BIT',
  [ColumnType.DATE]: 'DATE',
  [ColumnType.ENUM]: 'ENUM',
  [ColumnType.SET]: 'SET',
  [ColumnType.JSON]: 'JSON',
  [ColumnType.GEOMETRY]: 'GEOMETRY',
  [ColumnType.VECTOR]: 'VECTOR',
}

const UNSIGNED: ReadonlySet<number> = new Set([
  ColumnType.TINY,
  ColumnType.SHORT,
  ColumnType.INT24,
  ColumnType.LONG,
  ColumnType.LONGLONG,
])
