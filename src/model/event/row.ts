/** How a change changes its row. */
export type RowOp = 'insert' | 'update' | 'delete'

/** What a rule can listen to. TRUNCATE and DDL carry no rows; GAP tells that changes were skipped; an event was posted. */
export type Operation = RowOp | 'truncate' | 'ddl' | 'gap' | 'event'

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
