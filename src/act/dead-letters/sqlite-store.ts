import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue } from 'node:sqlite'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../core/dead-letter.ts'
import { expire, full, parkedKey, parseLetter, serialiseLetter, unreachable } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'

const SCHEMA_VERSION = 1
const PAGE = 200
/** How long a command waits for the other process (daemon or `bingo dead-letters`) to end its transaction. */
const BUSY_TIMEOUT_MS = 5_000

const SCHEMA = `
CREATE TABLE IF NOT EXISTS letters (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  rule TEXT NOT NULL,
  schema_name TEXT NOT NULL,
  table_name TEXT NOT NULL,
  parked_key TEXT,
  created_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS letters_parked ON letters (parked_key) WHERE parked_key IS NOT NULL;
PRAGMA user_version = ${SCHEMA_VERSION};`

/**
 * Dead letters in an embedded database file. The write-ahead log lets `bingo dead-letters` read beside the daemon;
 * synchronous=FULL syncs it to disk at each commit, so an entry is durable before `add` resolves (invariant 1).
 */
export class SqliteDeadLetterStore implements DeadLetterStore {
  readonly description: string
  readonly #limits: DeadLetterLimits
  readonly #path: string
  readonly #now: () => number
  #database: DatabaseSync | null = null

  constructor(path: string, limits: DeadLetterLimits, now: () => number = Date.now) {
    this.#path = path
    this.#limits = limits
    this.#now = now
    this.description = path
  }

  async add(letters: readonly DeadLetter[]): Promise<void> {
    await expire(this, this.#limits.maxAgeMs, this.#now())
    this.#run((database) => {
      database.exec('BEGIN IMMEDIATE')
      try {
        this.#insert(database, letters)
        database.exec('COMMIT')
      } catch (error) {
        // SQLite ends the transaction by itself when the disk is full.
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    })
  }

  #insert(database: DatabaseSync, letters: readonly DeadLetter[]): void {
    const insert = database.prepare(
      'INSERT OR IGNORE INTO letters (id, rule, schema_name, table_name, parked_key, created_at, bytes, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    let added = 0
    for (const letter of letters) {
      const body = serialiseLetter(letter)
      const { schema, table } = letter.event
      const bytes = Buffer.byteLength(body)
      const values: SQLInputValue[] = [
        letter.id,
        letter.ruleId,
        schema,
        table,
        parkedKey(letter),
        letter.createdAt,
        bytes,
        body,
      ]
      added += Number(insert.run(...values).changes)
    }
    if (added === 0) return
    const { count, bytes } = database.prepare('SELECT count(*) AS count, sum(bytes) AS bytes FROM letters').get() as {
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
    return this.#run((database) => database.prepare('SELECT count(*) AS n FROM letters').get()!['n'] as number)
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
  add('created_at >= ?', filter.since)
  add('created_at <= ?', filter.until)
  return { where: parts.join(' '), values }
}
