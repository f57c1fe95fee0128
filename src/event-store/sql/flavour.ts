import type { Migrations } from '../../clients/sql/migrate.ts'
import type { SqlDatabase, SqlSession } from '../../clients/sql/session.ts'
import type { EventRow } from '../storage.ts'

/** Of one statement: servers keep prepared statements by their text. */
export const MOST_ROWS = 50

/** A time is written as ISO 8601 and read as that, whatever a server makes of it in between. */
export interface TimeForm {
  /** The value for a `?` of a time column. */
  readonly write: (iso: string) => string
  /** The expression that reads a time column. */
  readonly read: (column: string) => string
}

/** Events that one statement inserts. */
export interface Batch {
  readonly stream: string
  /** Version of the first one. */
  readonly first: number
  /** How many events the same transaction inserted before. */
  readonly done: number
  readonly events: readonly EventRow[]
}

/** What differs between servers. */
export interface Flavour {
  readonly migrations: Migrations
  readonly time: TimeForm
  /** The expression that reads a JSON column as text. */
  readonly json: (column: string) => string
  readonly upsertSnapshot: string
  /** Rejects with the server's error, a duplicate key, where an id or a version is taken. Answers the last position. */
  insert(session: SqlSession, batch: Batch): Promise<bigint>
  /** Once, when the tables are there. */
  prepare(): Promise<void>
  /** Another attempt can succeed: a deadlock. */
  isTransient(error: unknown): boolean
  /** See StreamStorage. */
  quietEnd(): Promise<bigint | null>
  settled(after: bigint): Promise<bigint>
  close(): Promise<void>
}

export interface OpenedFlavour {
  readonly database: SqlDatabase
  readonly flavour: Flavour
}

export const EVENT_COLUMNS = [
  'event_id',
  'event_type',
  'source_service',
  'aggregate_id',
  'version',
  'timestamp',
  'correlation_id',
  'causation_id',
  'user_id',
  'payload',
] as const

/** In the order of EVENT_COLUMNS. */
export function valuesOf({ stream, first, events }: Batch, index: number, time: TimeForm): (string | number | null)[] {
  const { id, type, source, timestamp, correlationId, causationId, userId, payload } = events[index]!
  const at = time.write(timestamp)
  return [id, type, source, stream, first + index, at, correlationId, causationId, userId, payload]
}
