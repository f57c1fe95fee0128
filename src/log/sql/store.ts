import type { EventProgress } from '../../model/event/posted/event-record.ts'
import type { Head, Insert, Kept, Update } from '../posting.ts'
import type { Dialect, Queries } from './dialect.ts'
import {
  EVENT_COLUMNS,
  eventRow,
  keptOf,
  LOG_COLUMNS,
  PROGRESS_COLUMNS,
  progressIn,
  SCHEDULE_COLUMNS,
  searched,
} from './rows.ts'
import { textOf } from './tables.ts'

/** Rows and bytes of one statement, about: a server takes so many parameters and bytes. */
const MOST_ROWS = 2_000
const MOST_BYTES = 2 << 20

export type StoredHead = Head & { trimmed: number }

/** The statements on stored events, in one transaction or outside of any. */
export class EventStore {
  readonly queries: Queries
  readonly dialect: Dialect

  constructor(queries: Queries, dialect: Dialect) {
    this.queries = queries
    this.dialect = dialect
  }

  /**
   * Locks the head until the transaction ends: who changes what is in the log does so one after the other, so places are
   * given in the order of the commits, and a reader that has seen one has seen all before it.
   */
  async lockHead(): Promise<StoredHead> {
    const row = await this.queries.selectFrom('bingo_event_head').selectAll().forUpdate().executeTakeFirstOrThrow()
    return { seq: row.seq, place: row.place, trimmed: row.trimmed, count: row.events, bytes: row.bytes }
  }

  async head(): Promise<StoredHead> {
    const row = await this.queries.selectFrom('bingo_event_head').selectAll().executeTakeFirstOrThrow()
    return { seq: row.seq, place: row.place, trimmed: row.trimmed, count: row.events, bytes: row.bytes }
  }

  async saveHead({ seq, place, trimmed, count, bytes }: StoredHead): Promise<void> {
    await this.queries.updateTable('bingo_event_head').set({ seq, place, trimmed, events: count, bytes }).execute()
  }

  async find(names: readonly string[]): Promise<Map<string, Kept>> {
    const found = new Map<string, Kept>()
    for (const part of parts([...new Set(names)], () => 0)) {
      const rows = await this.queries
        .selectFrom('bingo_events as e')
        .leftJoin('bingo_event_progress as p', 'p.event', 'e.seq')
        .select(['e.seq', 'e.name', 'e.place', 'e.created_at', 'e.bytes', 'e.envelope', 'p.data'])
        .where('e.name', 'in', part)
        .execute()
      for (const row of rows) found.set(textOf(row.name), keptOf(row))
    }
    return found
  }

  /** Without the events themselves, which take longer to send and to read. */
  async findProgress(names: readonly string[]): Promise<Map<string, Pick<Kept, 'seq' | 'progress'>>> {
    const found = new Map<string, Pick<Kept, 'seq' | 'progress'>>()
    for (const part of parts([...new Set(names)], () => 0)) {
      const rows = await this.queries
        .selectFrom('bingo_events as e')
        .leftJoin('bingo_event_progress as p', 'p.event', 'e.seq')
        .select(['e.seq', 'e.name', 'e.created_at', 'p.data'])
        .where('e.name', 'in', part)
        .execute()
      for (const row of rows) found.set(textOf(row.name), { seq: row.seq, progress: progressIn(row) })
    }
    return found
  }

  /** So that two who read and change the progress of an event do it one after the other. */
  async lock(names: readonly string[]): Promise<void> {
    for (const part of parts([...new Set(names)].sort(), () => 0)) {
      await this.queries
        .selectFrom('bingo_events')
        .select('seq')
        .where('name', 'in', part)
        .orderBy('seq')
        .forUpdate()
        .execute()
    }
  }

  async insert(inserts: readonly Insert[]): Promise<void> {
    for (const part of parts(inserts, ({ payload }) => payload.byteLength)) {
      await this.queries.executeQuery(this.dialect.insert('bingo_events', EVENT_COLUMNS, part.map(eventRow)))
    }
    const [left, waiting] = [
      inserts.filter(({ kept }) => kept.place > 0),
      inserts.filter(({ kept }) => kept.place === 0),
    ]
    await this.append(left.map(({ kept: { place, seq, progress } }) => [place, seq, progress.createdAt] as const))
    await this.schedule(waiting.map(({ kept }) => kept))
  }

  async update({ before, kept, payload }: Update): Promise<void> {
    const { type, source, key, userId, accountId } = searched(kept.event)
    const { seq, place, bytes, event, progress } = kept
    await this.unschedule(before)
    await this.queries
      .updateTable('bingo_events')
      .set({ place, bytes, type, source, event_key: key, user_id: userId, account_id: accountId })
      .set({ happened_at: event.timestamp, is_test: event.isTest ? 1 : 0, envelope: textOf(payload) })
      .where('seq', '=', seq)
      .execute()
    await this.saveProgress([kept])
    if (place > 0) await this.append([[place, seq, progress.updatedAt]])
    else await this.schedule([kept])
  }

  async append(entries: readonly (readonly [place: number, event: number, appendedAt: number])[]): Promise<void> {
    for (const part of parts(entries, () => 0)) {
      await this.queries.executeQuery(this.dialect.insert('bingo_event_log', LOG_COLUMNS, part))
    }
  }

  async schedule(waiting: readonly Kept[]): Promise<void> {
    for (const part of parts(waiting, () => 0)) {
      const rows = part.map(({ seq, event }) => [event.deliverAt, seq])
      await this.queries.executeQuery(this.dialect.insert('bingo_event_schedule', SCHEDULE_COLUMNS, rows))
    }
  }

  async unschedule({ seq, event }: Kept): Promise<void> {
    await this.queries
      .deleteFrom('bingo_event_schedule')
      .where('due_at', '=', event.deliverAt!)
      .where('event', '=', seq)
      .execute()
  }

  async saveProgress(changed: readonly { readonly seq: number; readonly progress: EventProgress }[]): Promise<void> {
    for (const part of parts(changed, ({ progress }) => progress.outcomes.length * 200)) {
      const rows = part.map(({ seq, progress }) => [seq, progress.status, JSON.stringify(progress)])
      const known = { key: 'event', replace: ['status', 'data'] }
      await this.queries.executeQuery(this.dialect.insert('bingo_event_progress', PROGRESS_COLUMNS, rows, known))
    }
  }
}

function* parts<T>(items: readonly T[], bytesOf: (item: T) => number): Generator<T[]> {
  let part: T[] = []
  let bytes = 0
  for (const item of items) {
    const more = bytesOf(item)
    if (part.length > 0 && (part.length >= MOST_ROWS || bytes + more > MOST_BYTES)) {
      yield part
      part = []
      bytes = 0
    }
    part.push(item)
    bytes += more
  }
  if (part.length > 0) yield part
}
