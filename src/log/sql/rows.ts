import { decodeEnvelope } from '../../model/event/forms/event-codec.ts'
import type { EventProgress } from '../../model/event/posted/event-record.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import type { Insert, Kept } from '../posting.ts'
import { knownProgress, readProgress } from '../progress.ts'
import { indexed, isExact, textOf } from './tables.ts'
import type { ColumnType, EventTables, Text } from './tables.ts'

type Columns = readonly (readonly [name: string, type: ColumnType])[]

export const EVENT_COLUMNS: Columns = [
  ['seq', 'bigint'],
  ['name', 'text'],
  ['place', 'bigint'],
  ['created_at', 'bigint'],
  ['happened_at', 'bigint'],
  ['bytes', 'bigint'],
  ['environment', 'text'],
  ['type', 'text'],
  ['source', 'text'],
  ['event_key', 'text'],
  ['user_id', 'text'],
  ['account_id', 'text'],
  ['is_test', 'integer'],
  ['envelope', 'text'],
]
export const LOG_COLUMNS: Columns = [
  ['place', 'bigint'],
  ['event', 'bigint'],
  ['appended_at', 'bigint'],
]
export const SCHEDULE_COLUMNS: Columns = [
  ['due_at', 'bigint'],
  ['event', 'bigint'],
]
export const PROGRESS_COLUMNS: Columns = [
  ['event', 'bigint'],
  ['status', 'text'],
  ['data', 'text'],
]
export const PARTITION_COLUMNS: Columns = [
  ['name', 'text'],
  ['part', 'bigint'],
  ['lease_until', 'bigint'],
]
export const MEMBER_COLUMNS: Columns = [
  ['name', 'text'],
  ['holder', 'text'],
  ['holder_name', 'text'],
  ['lease_until', 'bigint'],
]
export const AHEAD_COLUMNS: Columns = [
  ['name', 'text'],
  ['place', 'bigint'],
]

/** In the order of EVENT_COLUMNS. */
export function eventRow({
  name,
  kept: { seq, place, bytes, event, progress },
  payload,
}: Insert): (string | number | null)[] {
  const { timestamp, environment, isTest } = event
  const { type, source, key, userId, accountId } = searched(event)
  const envelope = textOf(payload)
  const createdAt = progress.createdAt
  const texts = [indexed(environment), type, source, key, userId, accountId]
  return [seq, name, place, createdAt, timestamp, bytes, ...texts, isTest ? 1 : 0, envelope]
}

/** What columns show of an event that can change while it waits. */
export function searched({ type, source, key, userId, accountId }: Kept['event']) {
  const optional = (text: string | null): string | null => (text === null ? null : indexed(text))
  return {
    type: indexed(type),
    source: indexed(source),
    key: optional(key),
    userId: optional(userId),
    accountId: optional(accountId),
  }
}

export interface KeptRow {
  readonly seq: number
  readonly place: number
  readonly created_at: number
  readonly bytes: number
  readonly envelope: Text
  readonly data: Text | null
}

export function keptOf({ seq, place, created_at, bytes, envelope, data }: KeptRow): Kept {
  const event = decodeEnvelope(bytesOf(envelope))
  const progress = readProgress(data === null ? null : textOf(data), created_at, event.id)
  return { seq, place, bytes, event, progress }
}

/** Of an event whose progress is to be advanced. */
export function progressIn({ created_at, data }: Pick<KeptRow, 'created_at' | 'data'>): EventProgress {
  return knownProgress(data === null ? null : textOf(data), created_at)
}

export type EntryRow = Pick<EventTables['bingo_event_log'], 'place' | 'appended_at'> &
  Pick<EventTables['bingo_events'], 'name' | 'type' | 'source' | 'event_key' | 'happened_at' | 'envelope'>

/** Most columns show what the envelope says: then it need not be read. */
export function entryOf({
  place,
  appended_at,
  name,
  type,
  source,
  event_key,
  happened_at,
  envelope,
}: EntryRow): LogEntry {
  const payload = bytesOf(envelope)
  const texts = [name, type, source, event_key ?? ''].map(textOf)
  const common = { payload, place: String(place), appendedAt: appended_at }
  if (texts.slice(1).every(isExact) && texts[0]!.startsWith('[')) {
    const id = (JSON.parse(texts[0]!) as [string, string])[1]
    return {
      id,
      type: texts[1]!,
      source: texts[2]!,
      key: event_key === null ? null : texts[3]!,
      at: happened_at,
      ...common,
    }
  }
  const event = decodeEnvelope(payload)
  return { id: event.id, type: event.type, source: event.source, key: event.key, at: event.timestamp, ...common }
}

export function bytesOf(text: Text): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text
}
