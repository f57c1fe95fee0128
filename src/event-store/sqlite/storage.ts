import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { marks } from '../../clients/sql/session.ts'
import { isBusy } from '../../clients/sqlite/free.ts'
import type { PauseClock } from '../../clients/sqlite/free.ts'
import { inSharedTransaction, isCorrupt } from '../../clients/sqlite/sqlite.ts'
import { GroupCommit } from '../../log/sqlite/group-commit.ts'
import { BingoError } from '../../model/errors.ts'
import { storeClosed, storeCorrupt, storeUnreachable } from '../errors.ts'
import { KnownVersions } from '../known-versions.ts'
import { fits } from '../storage.ts'
import type { AllPage, AppendAnswer, AppendRequest, EventRow, SnapshotRow, StoredRow } from '../storage.ts'
import type { StreamPage, StreamStorage, SummaryRow } from '../storage.ts'

const MAX_WAITING_BYTES = 64 << 20
/** Of an event beside its payload, about. */
const ROW_BYTES = 200
/** Values of one statement. */
const MOST_IDS = 500
const COLUMNS = `global_position AS position, event_id AS id, event_type AS type, source_service AS source,
  aggregate_id AS stream, version, timestamp, correlation_id AS correlationId, causation_id AS causationId,
  user_id AS userId, payload`

/** Streams in a database file. What is appended while the last transaction is written shares the next one. */
export class SqliteStreamStorage implements StreamStorage {
  readonly #description: string
  readonly #database: DatabaseSync
  readonly #insert: StatementSync
  readonly #undo: StatementSync
  readonly #version: StatementSync
  readonly #forwards: StatementSync
  readonly #backwards: StatementSync
  readonly #newest: StatementSync
  readonly #commits: GroupCommit
  readonly #known = new KnownVersions()
  #closed = false

  constructor(description: string, database: DatabaseSync, clock: PauseClock) {
    this.#description = description
    this.#database = database
    this.#insert = database.prepare(
      `INSERT INTO domain_events (event_id, event_type, source_service, aggregate_id, version, timestamp, correlation_id,
        causation_id, user_id, payload) VALUES (${marks(10)}) ON CONFLICT DO NOTHING`,
    )
    this.#undo = database.prepare('DELETE FROM domain_events WHERE aggregate_id = ? AND version > ?')
    this.#version = database.prepare('SELECT max(version) AS version FROM domain_events WHERE aggregate_id = ?')
    const stream = `SELECT ${COLUMNS} FROM domain_events WHERE aggregate_id = ? AND version BETWEEN ? AND ?`
    this.#forwards = database.prepare(`${stream} ORDER BY version LIMIT ?`)
    this.#backwards = database.prepare(`${stream} ORDER BY version DESC LIMIT ?`)
    this.#newest = database.prepare('SELECT coalesce(max(global_position), 0) AS position FROM domain_events')
    this.#commits = new GroupCommit({
      transact: (work) =>
        inSharedTransaction(database, work, clock).catch((error: unknown) => {
          throw storeError(description, error)
        }),
      isForAll: (error) => isBusy((error as BingoError).cause),
      maxWaitingBytes: MAX_WAITING_BYTES,
      busy: () =>
        new BingoError(
          'BINGO_STORE_BUSY',
          `The event store ${description} receives events faster than it can write them`,
          {
            hint: 'Wait for appends before making more of them.',
            retryable: true,
          },
        ),
    })
  }

  async append(request: AppendRequest): Promise<AppendAnswer> {
    if (this.#closed) throw storeClosed(this.#description)
    const bytes = request.events.reduce((sum, { payload }) => sum + payload.length + ROW_BYTES, 0)
    const answer = await this.#commits.run(bytes, () => this.#append(request))
    // Not before: the transaction might not have been written.
    if (answer.tag === 'appended') this.#known.saw(request.stream, answer.version)
    return answer
  }

  async version(stream: string): Promise<number> {
    return this.#use(() => this.#versionOf(stream))
  }

  async readStream(stream: string, { from, to, max, backwards }: StreamPage): Promise<readonly StoredRow[]> {
    const statement = backwards ? this.#backwards : this.#forwards
    const rows = this.#use(() => statement.all(stream, from, to, max).map(storedRow))
    for (const row of [rows.at(0), rows.at(-1)]) if (row !== undefined) this.#known.saw(stream, row.version)
    return rows
  }

  async settled(): Promise<bigint> {
    return this.#use(() => BigInt(this.#newest.get()!['position'] as number))
  }

  quietEnd(): Promise<bigint | null> {
    return this.settled()
  }

  async readAll({ after, upTo, max, types, since, until }: AllPage): Promise<readonly StoredRow[]> {
    const conditions = ['global_position > ? AND global_position <= ?']
    const values: (string | bigint | number)[] = [after, upTo]
    const only = (condition: string, given: readonly string[]): void => {
      conditions.push(condition)
      values.push(...given)
    }
    if (types !== undefined) only(`event_type IN (${marks(types.length)})`, types)
    if (since !== undefined) only('timestamp >= ?', [since])
    if (until !== undefined) only('timestamp < ?', [until])
    const sql = `SELECT ${COLUMNS} FROM domain_events WHERE ${conditions.join(' AND ')} ORDER BY global_position LIMIT ?`
    return this.#use(() =>
      this.#database
        .prepare(sql)
        .all(...values, max)
        .map(storedRow),
    )
  }

  async streams(prefix: string, after: string, max: number): Promise<readonly SummaryRow[]> {
    const first = `SELECT aggregate_id AS stream, max(version) AS version FROM domain_events
      WHERE aggregate_id > ? AND aggregate_id >= ? AND substr(aggregate_id, 1, length(?)) = ? GROUP BY aggregate_id ORDER BY aggregate_id LIMIT ?`
    const time = (version: string): string =>
      `(SELECT timestamp FROM domain_events WHERE aggregate_id = s.stream AND version = ${version})`
    const sql = `SELECT stream, version, ${time('1')} AS first, ${time('s.version')} AS last FROM (${first}) AS s ORDER BY stream`
    const rows = this.#use(() => this.#database.prepare(sql).all(after, prefix, prefix, prefix, max))
    return rows as unknown as SummaryRow[]
  }

  saveSnapshot(stream: string, { version, schemaVersion, state, createdAt }: SnapshotRow): Promise<void> {
    if (this.#closed) return Promise.reject(storeClosed(this.#description))
    return this.#commits.run(state.length, () => {
      const columns = 'aggregate_id, schema_version, version, state, created_at'
      this.#database
        .prepare(`INSERT OR REPLACE INTO aggregate_snapshots (${columns}) VALUES (${marks(5)})`)
        .run(stream, schemaVersion, version, state, createdAt)
    })
  }

  async readSnapshot(stream: string, schemaVersion: number, maxVersion: number): Promise<SnapshotRow | null> {
    const sql = `SELECT version, schema_version AS schemaVersion, state, created_at AS createdAt FROM aggregate_snapshots
      WHERE aggregate_id = ? AND schema_version = ? AND version <= ? ORDER BY version DESC LIMIT 1`
    const row = this.#use(() => this.#database.prepare(sql).get(stream, schemaVersion, maxVersion))
    return (row as SnapshotRow | undefined) ?? null
  }

  async close(): Promise<void> {
    if (this.#closed) return
    const drained = this.#commits.drain()
    this.#closed = true
    await drained
    this.#database.close()
  }

  /** In a transaction, which others share: whatever it answers, it leaves all of the events or none. */
  #append(request: AppendRequest): AppendAnswer {
    const { stream, events, expected, ownIds } = request
    const known = this.#known.expected(stream, expected)
    const appended = known === undefined ? null : this.#insertAll(request, known)
    if (appended !== null) return appended
    const actual = this.#versionOf(stream)
    if (fits(expected, actual)) return this.#insertAll(request, actual) ?? { tag: 'taken', rows: this.#byIds(events) }
    const rows = ownIds ? this.#byIds(events) : []
    return rows.length > 0 ? { tag: 'taken', rows } : { tag: 'conflict', actual }
  }

  /** Behind a version that the stream has at least; null, and nothing is left of it, where an id or a version is taken. */
  #insertAll({ stream, events }: AppendRequest, actual: number): AppendAnswer | null {
    let version = actual
    let position: number | bigint = 0
    for (const event of events) {
      const { changes, lastInsertRowid } = this.#insertOne(stream, version + 1, event)
      if (changes === 0) {
        // The first one was inserted, so what lies behind `actual` is of this append.
        if (version > actual) this.#undo.run(stream, actual)
        return null
      }
      version += 1
      position = lastInsertRowid
    }
    return { tag: 'appended', version, position: BigInt(position) }
  }

  #insertOne(stream: string, version: number, event: EventRow): ReturnType<StatementSync['run']> {
    const { id, type, source, timestamp, correlationId, causationId, userId, payload } = event
    return this.#insert.run(id, type, source, stream, version, timestamp, correlationId, causationId, userId, payload)
  }

  #versionOf(stream: string): number {
    return (this.#version.get(stream)!['version'] as number | null) ?? 0
  }

  #byIds(events: readonly EventRow[]): StoredRow[] {
    const rows: StoredRow[] = []
    for (let first = 0; first < events.length; first += MOST_IDS) {
      const ids = events.slice(first, first + MOST_IDS).map(({ id }) => id)
      const sql = `SELECT ${COLUMNS} FROM domain_events WHERE event_id IN (${marks(ids.length)})`
      rows.push(
        ...this.#database
          .prepare(sql)
          .all(...ids)
          .map(storedRow),
      )
    }
    return rows
  }

  #use<T>(work: () => T): T {
    if (this.#closed) throw storeClosed(this.#description)
    try {
      return work()
    } catch (error) {
      throw storeError(this.#description, error)
    }
  }
}

export function storeError(description: string, error: unknown): BingoError {
  return isCorrupt(error) ? storeCorrupt(description, error) : storeUnreachable(description, error)
}

function storedRow(row: { readonly [column: string]: unknown }): StoredRow {
  return { ...row, position: BigInt(row['position'] as number) } as StoredRow
}
