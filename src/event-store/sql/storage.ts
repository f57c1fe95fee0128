import { isDuplicateKey } from '../../clients/sql/duplicate-key.ts'
import { marks } from '../../clients/sql/session.ts'
import type { SqlDatabase, SqlRow, SqlSession, SqlValue } from '../../clients/sql/session.ts'
import { storeClosed, storeUnreachable } from '../errors.ts'
import { fits } from '../storage.ts'
import type { AllPage, AppendAnswer, AppendRequest, EventRow, SnapshotRow, StoredRow } from '../storage.ts'
import type { StreamPage, StreamStorage, SummaryRow } from '../storage.ts'
import { MOST_ROWS } from './flavour.ts'
import type { Flavour } from './flavour.ts'
import { KnownVersions } from '../known-versions.ts'
import { Turns } from './turns.ts'

/** Rows that a statement asks for, of which as many as wanted are used: servers keep prepared statements by their text. */
const LIMITS = [1, 10, 100, 500]
const MOST_ATTEMPTS = 1_000

/** Streams in the tables of a database server. */
export class SqlStreamStorage implements StreamStorage {
  readonly #description: string
  readonly #database: SqlDatabase
  readonly #flavour: Flavour
  readonly #columns: string
  /** Appends of this process to one stream take turns where any of them would do: they would only get in each other's way. */
  readonly #turns = new Turns()
  readonly #known = new KnownVersions()
  #closed = false

  constructor(description: string, database: SqlDatabase, flavour: Flavour) {
    this.#description = description
    this.#database = database
    this.#flavour = flavour
    const { time, json } = flavour
    this.#columns = `global_position, event_id, event_type, source_service, aggregate_id, version,
      ${time.read('timestamp')} AS occurred_at, correlation_id, causation_id, user_id, ${json('payload')} AS payload_text`
  }

  append(request: AppendRequest): Promise<AppendAnswer> {
    const append = () => this.#use(() => this.#append(request))
    return typeof request.expected === 'number' ? append() : this.#turns.take(request.stream, append)
  }

  version(stream: string): Promise<number> {
    return this.#use(() => this.#versionOf(stream))
  }

  async readStream(stream: string, { from, to, max, backwards }: StreamPage): Promise<readonly StoredRow[]> {
    const order = backwards ? 'version DESC' : 'version'
    const rows = await this.#events('aggregate_id = ? AND version BETWEEN ? AND ?', [stream, from, to], order, max)
    for (const row of [rows.at(0), rows.at(-1)]) if (row !== undefined) this.#known.saw(stream, row.version)
    return rows
  }

  settled(after: bigint): Promise<bigint> {
    return this.#use(() => this.#flavour.settled(after))
  }

  quietEnd(): Promise<bigint | null> {
    return this.#use(() => this.#flavour.quietEnd())
  }

  readAll({ after, upTo, max, types, since, until }: AllPage): Promise<readonly StoredRow[]> {
    const { write } = this.#flavour.time
    const conditions = ['global_position > ? AND global_position <= ?']
    const values: SqlValue[] = [after, upTo]
    const only = (condition: string, given: readonly SqlValue[]): void => {
      conditions.push(condition)
      values.push(...given)
    }
    if (types !== undefined) only(`event_type IN (${marks(types.length)})`, types)
    if (since !== undefined) only('timestamp >= ?', [write(since)])
    if (until !== undefined) only('timestamp < ?', [write(until)])
    return this.#events(conditions.join(' AND '), values, 'global_position', max)
  }

  streams(prefix: string, after: string, max: number): Promise<readonly SummaryRow[]> {
    const time = (version: string): string =>
      `(SELECT ${this.#flavour.time.read('timestamp')} FROM domain_events WHERE aggregate_id = s.stream AND version = ${version})`
    const named = `SELECT aggregate_id AS stream, max(version) AS version FROM domain_events
      WHERE aggregate_id > ? AND left(aggregate_id, char_length(?)) = ? GROUP BY aggregate_id
      ORDER BY aggregate_id LIMIT ${limitFor(max)}`
    const sql = `SELECT stream, version, ${time('1')} AS first_at, ${time('s.version')} AS last_at
      FROM (${named}) s ORDER BY stream`
    return this.#use(async () => {
      const { rows } = await this.#database.run(sql, [after, prefix, prefix])
      return rows.slice(0, max).map((row) => ({
        stream: row['stream'] as string,
        version: Number(row['version']),
        first: row['first_at'] as string,
        last: row['last_at'] as string,
      }))
    })
  }

  async saveSnapshot(stream: string, { version, schemaVersion, state, createdAt }: SnapshotRow): Promise<void> {
    const values = [stream, schemaVersion, version, state, this.#flavour.time.write(createdAt)]
    await this.#use(() => this.#database.run(this.#flavour.upsertSnapshot, values))
  }

  readSnapshot(stream: string, schemaVersion: number, maxVersion: number): Promise<SnapshotRow | null> {
    const { time, json } = this.#flavour
    const sql = `SELECT version, ${json('state')} AS state_text, ${time.read('created_at')} AS created
      FROM aggregate_snapshots WHERE aggregate_id = ? AND schema_version = ? AND version <= ?
      ORDER BY version DESC LIMIT 1`
    return this.#use(async () => {
      const row = (await this.#database.run(sql, [stream, schemaVersion, maxVersion])).rows[0]
      if (row === undefined) return null
      const [state, createdAt] = [row['state_text'] as string, row['created'] as string]
      return { version: Number(row['version']), schemaVersion, state, createdAt }
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#flavour.close()
  }

  /**
   * Versions have no gaps and events are never deleted, so an insert behind the version that was read succeeds exactly when
   * nobody else has appended since; a unique key decides, and no lock is held meanwhile.
   */
  async #append({ stream, events, expected, ownIds }: AppendRequest): Promise<AppendAnswer> {
    const known = this.#known.expected(stream, expected)
    for (let attempt = 1; ; attempt++) {
      const actual = attempt === 1 && known !== undefined ? known : await this.#versionOf(stream)
      if (!fits(expected, actual)) {
        const rows = ownIds ? await this.#byIds(events) : []
        return rows.length > 0 ? { tag: 'taken', rows } : { tag: 'conflict', actual }
      }
      try {
        const position = await this.#insert(stream, actual + 1, events)
        const version = actual + events.length
        this.#known.saw(stream, version)
        return { tag: 'appended', version, position }
      } catch (error) {
        const isTaken = isDuplicateKey(error)
        if (attempt === MOST_ATTEMPTS || !(isTaken || this.#flavour.isTransient(error))) throw error
        const rows = ownIds && isTaken ? await this.#byIds(events) : []
        if (rows.length > 0) return { tag: 'taken', rows }
      }
    }
  }

  /** A single statement is a transaction of its own. */
  #insert(stream: string, first: number, events: readonly EventRow[]): Promise<bigint> {
    const insert = (session: SqlSession, done: number): Promise<bigint> => {
      const some = events.slice(done, done + MOST_ROWS)
      return this.#flavour.insert(session, { stream, first: first + done, done, events: some })
    }
    if (events.length <= MOST_ROWS) return insert(this.#database, 0)
    return this.#database.transaction(async (session) => {
      let position = 0n
      for (let done = 0; done < events.length; done += MOST_ROWS) position = await insert(session, done)
      return position
    })
  }

  async #versionOf(stream: string): Promise<number> {
    const sql = 'SELECT max(version) AS version FROM domain_events WHERE aggregate_id = ?'
    const version = Number((await this.#database.run(sql, [stream])).rows[0]!['version'] ?? 0)
    this.#known.saw(stream, version)
    return version
  }

  async #byIds(events: readonly EventRow[]): Promise<StoredRow[]> {
    const found: StoredRow[] = []
    for (let first = 0; first < events.length; first += MOST_ROWS) {
      const ids = events.slice(first, first + MOST_ROWS).map(({ id }) => id)
      const sql = `SELECT ${this.#columns} FROM domain_events WHERE event_id IN (${marks(ids.length)})`
      found.push(...(await this.#database.run(sql, ids)).rows.map(storedRow))
    }
    return found
  }

  #events(where: string, values: readonly SqlValue[], order: string, max: number): Promise<readonly StoredRow[]> {
    const sql = `SELECT ${this.#columns} FROM domain_events WHERE ${where} ORDER BY ${order} LIMIT ${limitFor(max)}`
    return this.#use(async () => (await this.#database.run(sql, values)).rows.slice(0, max).map(storedRow))
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw storeClosed(this.#description)
    try {
      return await work()
    } catch (error) {
      throw storeUnreachable(this.#description, error)
    }
  }
}

function limitFor(max: number): number {
  return LIMITS.find((limit) => limit >= max) ?? max
}

function storedRow(row: SqlRow): StoredRow {
  return {
    position: BigInt(row['global_position'] as string | number),
    id: row['event_id'] as string,
    type: row['event_type'] as string,
    source: row['source_service'] as string | null,
    stream: row['aggregate_id'] as string,
    version: Number(row['version']),
    timestamp: row['occurred_at'] as string,
    correlationId: row['correlation_id'] as string | null,
    causationId: row['causation_id'] as string | null,
    userId: row['user_id'] as string | null,
    payload: row['payload_text'] as string,
  }
}
