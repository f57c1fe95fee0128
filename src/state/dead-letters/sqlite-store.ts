import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import { systemClock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/dead-letter.ts'
import { Expiry } from './expiry.ts'
import type { StoreClock } from './expiry.ts'
import { holdLease, LEASE_MS } from './lease.ts'
import { full, parkedKeyOf, parseLetter, serialiseLetter, unreachable } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'
import { SCHEMA, SCHEMA_VERSION } from './sqlite-schema.ts'

const PAGE = 200
/** How long a command waits for the other process (daemon or `bingo dead-letters`) to end its transaction. */
const BUSY_TIMEOUT_MS = 5_000

/**
 * Dead letters in an embedded database file. The write-ahead log lets `bingo dead-letters` read beside the daemon;
 * synchronous=FULL syncs it to disk at each commit, so an entry is durable before `add` resolves (invariant 1).
 */
export class SqliteDeadLetterStore implements DeadLetterStore {
  readonly description: string
  readonly #limits: DeadLetterLimits
  readonly #path: string
  readonly #clock: StoreClock
  readonly #expiry: Expiry
  #database: DatabaseSync | null = null

  constructor(path: string, limits: DeadLetterLimits, clock: StoreClock = systemClock) {
    this.#path = path
    this.#limits = limits
    this.#clock = clock
    this.#expiry = new Expiry(this, limits.maxAgeMs, clock)
    this.description = path
  }

  async add(letters: readonly DeadLetter[]): Promise<readonly string[]> {
    await this.#expiry.run()
    return this.#run((database) => inTransaction(database, () => this.#insert(database, letters)))
  }

  /** Answers the ids of those that were not taken. */
  #insert(database: DatabaseSync, letters: readonly DeadLetter[]): string[] {
    const insert = database.prepare(
      'INSERT OR IGNORE INTO letters (id, rule, schema_name, table_name, parked_key, created_at, bytes, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    const known = database.prepare('SELECT 1 FROM letters WHERE id = ?')
    const parked = database.prepare('SELECT 1 FROM letters WHERE parked_key = ? LIMIT 1')
    const released: string[] = []
    const releasedKeys = new Set<string>()
    for (const letter of letters) {
      const key = parkedKeyOf(letter)
      if (key !== null && known.get(letter.id) === undefined) {
        if (letter.state === 'parked' && parked.get(key) === undefined) releasedKeys.add(key)
        if (releasedKeys.has(key)) {
          released.push(letter.id)
          continue
        }
      }
      insert.run(...columnsOf(letter, key))
    }
    this.#checkBounds(database, letters.length - released.length)
    return released
  }

  #checkBounds(database: DatabaseSync, added: number): void {
    if (added === 0) return
    const { count, bytes } = database.prepare('SELECT count, bytes FROM totals').get() as {
      count: number
      bytes: number
    }
    if (count > this.#limits.maxCount || bytes > this.#limits.maxBytes) throw full(this.description)
  }

  async parkedKeys(): Promise<ReadonlySet<string>> {
    const rows = this.#run((database) =>
      database.prepare('SELECT DISTINCT parked_key AS parked FROM letters WHERE parked_key IS NOT NULL').all(),
    )
    return new Set(rows.map((row) => row['parked'] as string))
  }

  async *list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    const { where, values } = conditions(filter)
    let left = filter.limit ?? Infinity
    let place = 0
    while (left > 0) {
      const sql = `SELECT place, body FROM letters WHERE place > ? ${where} ORDER BY place LIMIT ?`
      const rows = this.#run((database) => database.prepare(sql).all(place, ...values, Math.min(left, PAGE)))
      for (const row of rows) yield parseLetter(row['body'] as string, this.description)
      if (rows.length < PAGE) return
      left -= rows.length
      place = rows.at(-1)!['place'] as number
    }
  }

  async remove(ids: readonly string[]): Promise<number> {
    return this.#run((database) => {
      const statement = database.prepare('DELETE FROM letters WHERE id IN (SELECT value FROM json_each(?))')
      return Number(statement.run(JSON.stringify(ids)).changes)
    })
  }

  async count(): Promise<number> {
    return this.#run((database) => database.prepare('SELECT count AS n FROM totals').get()!['n'] as number)
  }

  lease(): Promise<AsyncDisposable> {
    const take = (database: DatabaseSync, owner: string): boolean => {
      const now = this.#clock.now()
      database.prepare('DELETE FROM lease WHERE until < ? OR owner = ?').run(now, owner)
      return database.prepare('INSERT OR IGNORE INTO lease VALUES (1, ?, ?)').run(owner, now + LEASE_MS).changes === 1
    }
    const keeper = {
      take: async (owner: string) => this.#run((database) => inTransaction(database, () => take(database, owner))),
      drop: async (owner: string) => {
        this.#run((database) => database.prepare('DELETE FROM lease WHERE owner = ?').run(owner))
      },
    }
    return holdLease(keeper, this.description)
  }

  async close(): Promise<void> {
    this.#database?.close()
    this.#database = null
  }

  /** Opens the database on first use. Throws BINGO_DEAD_LETTERS_UNREACHABLE. */
  #run<T>(work: (database: DatabaseSync) => T): T {
    try {
      this.#database ??= openDatabase(this.#path)
      return work(this.#database)
    } catch (error) {
      throw unreachable(this.description, error)
    }
  }
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // SQLite ends the transaction by itself when the disk is full.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function columnsOf(letter: DeadLetter, key: string | null): SQLInputValue[] {
  const body = serialiseLetter(letter)
  const { schema, table } = letter.event
  return [letter.id, letter.ruleId, schema, table, key, letter.createdAt, Buffer.byteLength(body), body]
}

function openDatabase(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
  const version = database.prepare('PRAGMA user_version').get()!['user_version'] as number
  if (version > SCHEMA_VERSION) {
    database.close()
    throw new Error(`it was written by a newer BinGo (format ${version}, known up to ${SCHEMA_VERSION})`)
  }
  if (version < SCHEMA_VERSION) database.exec(SCHEMA)
  return database
}

function conditions(filter: DeadLetterFilter): { where: string; values: SQLInputValue[] } {
  const parts: string[] = []
  const values: SQLInputValue[] = []
  const add = (sql: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return
    parts.push(`AND ${sql}`)
    values.push(value)
  }
  add('id IN (SELECT value FROM json_each(?))', filter.ids && JSON.stringify(filter.ids))
  add('rule = ?', filter.rule)
  add("? IN (table_name, schema_name || '.' || table_name)", filter.table)
  add("json_extract(body, '$.attempts[#-1].code') = ?", filter.code)
  add('created_at >= ?', filter.since)
  add('created_at <= ?', filter.until)
  return { where: parts.join(' '), values }
}
