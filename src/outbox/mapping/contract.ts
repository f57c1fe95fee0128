import type { Value } from '../../model/event/row.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'

/** Where a field of an event comes from: a column of the outbox, or one value for all of its rows. */
export type FieldSource = { readonly column: string } | { readonly value: string }

/** Fields of an event that a row can say besides those which every event has. */
export const OPTIONAL_TEXTS = [
  'userId',
  'sessionId',
  'accountId',
  'correlationId',
  'causationId',
  'traceparent',
] as const satisfies readonly (keyof EventEnvelope)[]

export type OptionalText = (typeof OPTIONAL_TEXTS)[number]

/** Which column says what. Null: none does. */
export interface OutboxFields {
  /** Null: the event has the id of the row's change. */
  readonly id: FieldSource | null
  readonly type: FieldSource
  /** What stands for a type that is NULL, or for a missing column of types; null: such a row is refused. */
  readonly typeElse: FieldSource | null
  /** What order is kept for, such as an aggregate's id. */
  readonly key: FieldSource | null
  readonly topic: FieldSource | null
  /** Null: the whole row is. */
  readonly payload: FieldSource | null
  /** A column with a JSON object. */
  readonly headers: FieldSource | null
  /** Milliseconds since 1970, or a time of SQL (DATETIME in UTC). Null: the time of the commit. */
  readonly timestamp: FieldSource | null
  readonly texts: { readonly [field in OptionalText]?: FieldSource }
}

/** A column that is handed on beside the payload: as a header, or in one JSON object with the payload. */
export interface AdditionalField {
  readonly column: string
  readonly name: string
  readonly placement: 'header' | 'envelope'
}

/** How the rows of one outbox become events: made by the configuration, complete and checked. */
export interface OutboxMapping {
  /** As the configuration names it. */
  readonly table: string
  /** `source` of its events. */
  readonly source: string
  readonly fields: OutboxFields
  /** Names of fields that may be missing in the table; every other column that is named must be there. */
  readonly optional: ReadonlySet<string>
  readonly additional: readonly AdditionalField[]
  /** JSON in a text or binary column becomes JSON. */
  readonly expand: boolean
  /** Members that are null, and empty lists, are left out of expanded JSON. */
  readonly dropNulls: boolean
  /** A payload that is NULL or blank is null; without it NULL is refused, and blank text stays. */
  readonly tombstone: boolean
  /** Makes the topic of the value in its column. */
  readonly route: ((value: string) => string) | null
}

/** What a column holds: JSON comes as a value, bytes as base64, everything else as rows of the binlog have it. */
export interface OutboxColumn {
  readonly name: string
  readonly kind: 'json' | 'binary' | 'other'
}

export type OutboxRow = { readonly [column: string]: Value }

/** What a row cannot say for itself. */
export interface RowOrigin {
  /** The row's own: `shop.outbox`. */
  readonly table: string
  /** Id of the change, where no column has one. The same after any replay. */
  readonly id: string
  /** Of the commit (or of the row), milliseconds since 1970. */
  readonly at: number
  /** The instance that reads it. */
  readonly instanceId: string
  readonly environment: string
}

/** The event of a row, or why it has none: such a row is a dead letter. `message` never has values of the row. */
export type MappedRow =
  | { readonly tag: 'event'; readonly event: EventEnvelope }
  | { readonly tag: 'refused'; readonly column: string; readonly message: string }

/** Maps the rows of one table as it is now. */
export interface RowMapper {
  /** Columns that the configuration names and the table does not have: every row is refused. */
  readonly missing: readonly string[]
  map(row: OutboxRow, origin: RowOrigin): MappedRow
}
