import type { Operation, Row, Value } from './row.ts'
import type { TableDef } from '../table/table.ts'

/**
 * The value of a key column in a change: from the after image where it is present there, else from the before image
 * (binlog_row_image=MINIMAL leaves unchanged key columns out of after images).
 */
export function keyValue(column: string, old: Row | null, new_: Row | null): Value {
  const value = new_ === null ? undefined : new_[column]
  return value === undefined && old !== null ? old[column] : value
}

/** Map of the primary-key columns as the change event shows it; null for a table without a key. */
export function keyOf(table: TableDef, old: Row | null, new_: Row | null): { [column: string]: Value } | null {
  if (table.key.length === 0) return null
  const key = Object.create(null) as { [column: string]: Value }
  for (const index of table.key) {
    const name = table.columns[index]!.name
    key[name] = keyValue(name, old, new_)
  }
  return key
}

/**
 * Stable text that identifies a row: schema, table and primary key, parts separated by NUL. Rows of a table without a
 * key share one. Used for lanes, coalescing and parking; never parsed.
 */
export function rowKeyText(table: TableDef, old: Row | null, new_: Row | null): string {
  let text = `${table.schema}\0${table.name}`
  for (const index of table.key) text += `\0${keyPartText(keyValue(table.columns[index]!.name, old, new_))}`
  return text
}

function keyPartText(value: Value): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

/** Whether an UPDATE gave the row another primary key. */
export function keyChanged(table: TableDef, op: Operation, old: Row | null, new_: Row | null): boolean {
  if (op !== 'update' || old === null || new_ === null) return false
  for (const index of table.key) {
    const name = table.columns[index]!.name
    const after = new_[name]
    const before = old[name]
    if (after !== undefined && before !== undefined && after !== before) return true
  }
  return false
}
