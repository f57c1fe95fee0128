import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { inTransaction, isCorrupt, NewerFormatError, openSqlite } from '../../clients/sqlite.ts'
import { systemClock } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Appended, Capabilities, EventLog, LogEntry, LogRecord, LogStats } from '../../model/state/event-log.ts'
import type { Place, ReadOptions } from '../../model/state/event-log.ts'
import { logBusy, logClosed, logFull } from '../errors.ts'
import { follow, Wake } from '../follow.ts'
import type { Entries } from '../follow.ts'
import { placeNumber } from '../places.ts'
import { GroupCommit } from './group-commit.ts'
import { Groups } from './groups.ts'
import { LOG_FORMAT } from './schema.ts'

export interface SqliteLogOptions {
  readonly path: string
  readonly maxCount: number
  /** Of payloads. */
  readonly maxBytes: number
  readonly idRetentionMs: number
  readonly clock?: Pick<Clock, 'now'>
}

/** Entries given to a reader at once. */
const PAGE = 256
const MAX_WAITING_BYTES = 64 << 20
const COLUMNS = 'place, id, type, key, source, at, appended_at AS appendedAt, payload'

/** Everything that is kept while the file is open. */
interface Opened {
  readonly database: DatabaseSync
  readonly insert: StatementSync
  readonly placeOf: StatementSync
  readonly trimmedPlaceOf: StatementSync
  readonly page: StatementSync
  readonly groups: Groups
  count: number
  bytes: number
  /** The place of the newest entry there ever was. */
  last: number
  /** Ids of trimmed entries: mostly none, and then there is nothing to look up. */
  trimmedIds: number
}

/**
 * A log in an embedded database file, of one process. An append is on disk when it is answered; what comes in at the same
 * time shares one transaction. The file is made and opened with the first use.
 */
export class SqliteEventLog implements EventLog {
  readonly description: string
  readonly can: Capabilities
  readonly #options: SqliteLogOptions
  readonly #clock: Pick<Clock, 'now'>
  readonly #wake = new Wake()
  readonly #commits: GroupCommit
  #opened: Opened | null = null
  #closed = false

  constructor(options: SqliteLogOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.description = `file:${options.path}`
    this.can = { durability: 'fsync', sharedGroups: false, idRetentionMs: options.idRetentionMs }
    this.#commits = new GroupCommit({
      transact: (work) => this.#transact(work),
      maxWaitingBytes: MAX_WAITING_BYTES,
      busy: () => logBusy(this.description),
    })
  }

  async append(records: readonly LogRecord[]): Promise<readonly Appended[]> {
    if (this.#closed) throw logClosed(this.description)
    const bytes = records.reduce((sum, { payload }) => sum + payload.byteLength, 0)
    const answers = await this.#commits.run(bytes, () => this.#insert(records))
    this.#wake.ring()
    return answers
  }

  async *read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    const after = from === null ? 0 : placeNumber(from)
    const { group } = options
    if (group !== undefined) await this.#write(({ groups }) => groups.join(group, after))
    yield* follow(this.#source(), after, options)
  }

  async ack(group: string, places: readonly Place[]): Promise<void> {
    const numbers = places.map(placeNumber)
    await this.#write(({ groups }) => groups.acknowledge(group, numbers))
  }

  async trim(before: Place): Promise<number> {
    const wanted = placeNumber(before) - 1
    return this.#write((opened) => this.#remove(opened, Math.min(wanted, opened.groups.slowest)))
  }

  async stats(): Promise<LogStats> {
    return this.#use(({ database, count, bytes, groups }) => {
      const row = database.prepare('SELECT min(place) AS first, max(place) AS last FROM entries').get()!
      const first = row['first'] as number | null
      const last = row['last'] as number | null
      return {
        count,
        bytes,
        first: first === null ? null : String(first),
        last: last === null ? null : String(last),
        groups: groups.stats(count, last),
      }
    })
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#commits.drain()
    this.#closed = true
    this.#wake.ring()
    this.#opened?.database.close()
    this.#opened = null
  }

  #insert(records: readonly LogRecord[]): Appended[] {
    const opened = this.#open()
    const now = this.#clock.now()
    const answers = records.map((record) => this.#insertOne(opened, record, now))
    const { maxCount, maxBytes } = this.#options
    const grew = answers.some(({ duplicate }) => !duplicate)
    if (grew && (opened.count > maxCount || opened.bytes > maxBytes)) throw logFull(this.description)
    return answers
  }

  #insertOne(opened: Opened, { id, type, key, source, at, payload }: LogRecord, now: number): Appended {
    if (opened.trimmedIds > 0) {
      const trimmed = opened.trimmedPlaceOf.get(id, now - this.#options.idRetentionMs)
      if (trimmed !== undefined) return { place: String(trimmed['place']), duplicate: true }
    }
    const place = opened.last + 1
    const { changes } = opened.insert.run(place, id, type, key, source, at, now, payload)
    if (changes === 0) return { place: String(opened.placeOf.get(id)!['place']), duplicate: true }
    opened.last = place
    opened.count += 1
    opened.bytes += payload.byteLength
    return { place: String(place), duplicate: false }
  }

  /** Up to this place. Ids are kept for the rest of their retention. */
  #remove(opened: Opened, upTo: number): number {
    const { database } = opened
    const oldest = this.#clock.now() - this.#options.idRetentionMs
    database.prepare('DELETE FROM trimmed_ids WHERE appended_at < ?').run(oldest)
    const ids = 'SELECT id, place, appended_at FROM entries WHERE place <= ? AND appended_at >= ?'
    database.prepare(`INSERT OR REPLACE INTO trimmed_ids ${ids}`).run(upTo, oldest)
    const sum = database.prepare('SELECT coalesce(sum(length(payload)), 0) AS bytes FROM entries WHERE place <= ?')
    const bytes = sum.get(upTo)!['bytes'] as number
    const count = Number(database.prepare('DELETE FROM entries WHERE place <= ?').run(upTo).changes)
    database.prepare('REPLACE INTO newest VALUES (1, ?)').run(opened.last)
    opened.trimmedIds = countOf(database, 'trimmed_ids')
    opened.count -= count
    opened.bytes -= bytes
    return count
  }

  #source(): Entries {
    return {
      closed: () => this.#closed,
      more: () => this.#wake.next,
      page: (after) =>
        this.#use(({ page }) => page.all(after).map((row) => ({ ...row, place: String(row['place']) }) as LogEntry)),
      acknowledged: (group) => this.#use(({ groups }) => groups.of(group)),
      skip: (group, places) => this.#write(({ groups }) => groups.acknowledge(group, places)),
    }
  }

  #write<T>(work: (opened: Opened) => T): Promise<T> {
    if (this.#closed) return Promise.reject(logClosed(this.description))
    return this.#commits.run(0, () => work(this.#open()))
  }

  #transact(work: () => void): void {
    this.#use((opened) => {
      const { count, bytes, last, trimmedIds } = opened
      try {
        inTransaction(opened.database, work)
      } catch (error) {
        Object.assign(opened, { count, bytes, last, trimmedIds })
        opened.groups.reload()
        throw error
      }
    })
  }

  #use<T>(work: (opened: Opened) => T): T {
    try {
      return work(this.#open())
    } catch (error) {
      throw logError(this.description, error)
    }
  }

  #open(): Opened {
    if (this.#closed) throw logClosed(this.description)
    this.#opened ??= open(this.#options.path)
    return this.#opened
  }
}

function open(path: string): Opened {
  const database = openSqlite(path, LOG_FORMAT)
  const totals = database.prepare('SELECT count(*) AS count, coalesce(sum(length(payload)), 0) AS bytes FROM entries')
  const { count, bytes } = totals.get() as { count: number; bytes: number }
  return {
    database,
    insert: database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING'),
    placeOf: database.prepare('SELECT place FROM entries WHERE id = ?'),
    trimmedPlaceOf: database.prepare('SELECT place FROM trimmed_ids WHERE id = ? AND appended_at >= ?'),
    page: database.prepare(`SELECT ${COLUMNS} FROM entries WHERE place > ? ORDER BY place LIMIT ${PAGE}`),
    groups: new Groups(database),
    count,
    bytes,
    last: newestOf(database),
    trimmedIds: countOf(database, 'trimmed_ids'),
  }
}

/** Trimming notes it, in case nothing is left that shows it. */
function newestOf(database: DatabaseSync): number {
  const noted = '(SELECT place FROM newest)'
  const row = database.prepare(`SELECT max(coalesce(max(place), 0), coalesce(${noted}, 0)) AS last FROM entries`).get()
  return row!['last'] as number
}

function countOf(database: DatabaseSync, table: 'trimmed_ids'): number {
  return database.prepare(`SELECT count(*) AS n FROM ${table}`).get()!['n'] as number
}

function logError(log: string, error: unknown): BingoError {
  if (error instanceof BingoError) return error
  const reason = error instanceof Error ? error.message : String(error)
  if (error instanceof NewerFormatError) {
    return new BingoError('BINGO_LOG_NEWER', reason, { hint: 'Run the newer BinGo.', cause: error })
  }
  if (isCorrupt(error)) {
    return new BingoError('BINGO_LOG_CORRUPT', `The event log ${log} is corrupt: ${reason}`, {
      hint: 'Stop BinGo and restore the file from a backup, or move it away with its -wal and -shm files to start with an empty log.',
      cause: error,
    })
  }
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} is unavailable: ${reason}`, {
    hint: 'Check that the path is writable and that its disk is not full.',
    retryable: true,
    cause: error,
  })
}
