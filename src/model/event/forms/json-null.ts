import type { Row } from '../row.ts'

/** Rows with a JSON null, which decodes to null as SQL NULL does, and the columns that hold it. */
const jsonNulls = new WeakMap<Row, readonly string[]>()
/** Most sources never have one: then nothing is looked up. */
let seen = false

/** Notes that these columns of the row hold a JSON null; null: none does. Answers the row. */
export function noteJsonNulls(row: Row, columns: readonly string[] | null): Row {
  if (columns === null) return row
  seen = true
  jsonNulls.set(row, columns)
  return row
}

/** Whether one of two nulls is a JSON null and the other one SQL NULL; a missing row is all SQL NULL. */
export function nullsDiffer(column: string, old: Row | null, new_: Row | null): boolean {
  return seen && isJsonNull(old, column) !== isJsonNull(new_, column)
}

function isJsonNull(row: Row | null, column: string): boolean {
  return row !== null && jsonNulls.get(row)?.includes(column) === true
}
