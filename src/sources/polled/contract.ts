import type { Row } from '../../model/event/row.ts'

/** What to poll, and how. */
export interface PolledOptions {
  readonly schema: string
  readonly table: string
  /** Columns that the mapping names: the entry's id, and what order is kept for. Null: none. */
  readonly idColumn: string | null
  readonly keyColumn: string | null
  /** Which of two rows is the older one; null: found out. */
  readonly orderColumn: string | null
  /** `mark`: `processed_at` is set; `delete`: the row is deleted. */
  readonly after: 'mark' | 'delete'
  /** Rows that are claimed at once. */
  readonly batch: number
  /** Pause where there is nothing to do. */
  readonly everyMs: number
  /** How long claims outlast the death of who claimed. */
  readonly leaseMs: number
  /** Of the instance, stable over restarts: its own claims are not waited for. */
  readonly owner: string
}

/** A row that this instance has claimed. */
export interface PolledRow {
  /** Names it among the rows of its table, as text. */
  readonly entry: string
  /** Its key in the table, as the client gave it. */
  readonly pk: unknown
  readonly values: Row
}
