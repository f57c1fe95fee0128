/** How a change changes its row. */
export const ROW_OPS = ['insert', 'update', 'delete'] as const
export type RowOp = (typeof ROW_OPS)[number]

/** What a rule can listen to. TRUNCATE and DDL carry no rows; GAP tells that changes were skipped; an event was posted. */
export const OPERATIONS = [...ROW_OPS, 'truncate', 'ddl', 'gap', 'event'] as const
export type Operation = (typeof OPERATIONS)[number]

/**
 * A decoded column value, already in the form that the event's JSON shows, but for integers that a JS number cannot
 * hold exactly, which are bigints here and decimal strings in JSON. `undefined` means absent from the row image.
 * Formats: DESIGN "The change event" (docs/events.md).
 */
export type Value =
  | null
  | undefined
  | number
  | bigint
  | string
  | boolean
  | readonly Value[]
  | { readonly [key: string]: Value }

/** Column name → value; null prototype, so a column may be called `constructor`. Only decoded columns are present. */
export type Row = { readonly [column: string]: Value }
