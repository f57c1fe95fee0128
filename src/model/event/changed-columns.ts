import type { Change } from './change.ts'
import type { Row, Value } from './row.ts'
import { nullsDiffer } from './forms/json-null.ts'
import type { TableDef } from '../table/table.ts'

/** Deep equality of decoded values; numbers and bigints are canonical (a bigint is never a safe integer). */
export function valuesEqual(a: Value, b: Value): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (Array.isArray(a)) return Array.isArray(b) && listsEqual(a, b)
  return !Array.isArray(b) && mapsEqual(a as { [key: string]: Value }, b as { [key: string]: Value })
}

function listsEqual(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((value, index) => valuesEqual(value, b[index]))
}

function mapsEqual(a: { [key: string]: Value }, b: { [key: string]: Value }): boolean {
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && valuesEqual(a[key], b[key]))
  )
}

/**
 * Whether a column counts as changed. The missing row of an INSERT or DELETE counts as all NULL. A column absent from
 * the after image is unchanged (that is what MINIMAL images mean), one absent from a DELETE too; absent only before an
 * UPDATE, it is changed.
 */
export function columnChanged(column: string, old: Row | null, new_: Row | null): boolean {
  const before = old === null ? null : old[column]
  if (new_ === null) return before !== undefined && (before !== null || nullsDiffer(column, old, null))
  const after = new_[column]
  if (after === undefined) return false
  return after === null && before === null ? nullsDiffer(column, old, new_) : !valuesEqual(before, after)
}

/** Names of the changed columns in table order. The change must hold all columns. */
export function changedColumns(table: TableDef, change: Pick<Change, 'old' | 'new'>): string[] {
  const names: string[] = []
  for (const { name } of table.columns) if (columnChanged(name, change.old, change.new)) names.push(name)
  return names
}
