import { ColumnType } from '../../../model/table/column-type.ts'
import type { ColumnDef } from '../../../model/table/table.ts'
import type { DeclaredTable } from './table-columns.ts'

/**
 * Columns of MariaDB that are in the binlog, behind all others and in this order, but in no SELECT * and in no view of
 * INFORMATION_SCHEMA: row_start and row_end of a system-versioned table that declares none, then one column for each
 * unique key too long for an index.
 */
export const ROW_START = 'row_start'
export const ROW_END = 'row_end'
const HASH = /^DB_ROW_HASH_\d+$/

const TEMPORAL: ReadonlySet<number> = new Set([ColumnType.TIMESTAMP2, ColumnType.TIMESTAMP])

/** What stands behind the declared columns, by the types of what the event has there; null where it cannot be that. */
export function hiddenColumns(declared: DeclaredTable, types: ArrayLike<number>): ColumnDef[] | null {
  const hidden: ColumnDef[] = []
  let at = declared.columns.length
  if (declared.versioned?.rowEnd === null) {
    for (const name of [ROW_START, ROW_END]) {
      const type = types[at++]
      if (type === undefined || !TEMPORAL.has(type)) return null
      hidden.push(periodColumn(name, type))
    }
  }
  for (let hash = 1; at < types.length; hash++, at++) {
    if (hash > (declared.hashKeys ?? 0) || types[at] !== ColumnType.LONGLONG) return null
    hidden.push(hashColumn(`DB_ROW_HASH_${hash}`))
  }
  return hidden
}

function periodColumn(name: string, type: number): ColumnDef {
  const old = type === ColumnType.TIMESTAMP
  return {
    name,
    type,
    meta: 6,
    nullable: false,
    unsigned: false,
    collation: 0,
    visible: false,
    ...(old && { special: 'mariadb53-temporal' }),
  }
}

function hashColumn(name: string): ColumnDef {
  return {
    name,
    type: ColumnType.LONGLONG,
    meta: 0,
    nullable: true,
    unsigned: false,
    collation: 0,
    visible: false,
  }
}

/** How many columns at the end may be hidden ones, going by their names and types alone. */
export function trailingHidden(columns: readonly ColumnDef[]): { readonly hashes: number; readonly period: boolean } {
  let hashes = 0
  while (isHash(columns.at(-1 - hashes))) hashes++
  const period = isPeriod(columns.at(-2 - hashes), ROW_START) && isPeriod(columns.at(-1 - hashes), ROW_END)
  return { hashes, period }
}

function isHash(column: ColumnDef | undefined): boolean {
  return column !== undefined && column.type === ColumnType.LONGLONG && HASH.test(column.name)
}

function isPeriod(column: ColumnDef | undefined, name: string): boolean {
  return column !== undefined && column.name === name && isTimestamp(column)
}

/** Whether a row's version may end here: TIMESTAMP(6) NOT NULL. */
export function isTimestamp({ type, meta, nullable }: ColumnDef): boolean {
  return !nullable && (type === ColumnType.TIMESTAMP || (type === ColumnType.TIMESTAMP2 && meta === 6))
}
