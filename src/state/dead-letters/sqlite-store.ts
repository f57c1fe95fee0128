import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { whenFree } from '../../clients/sqlite/free.ts'
import { inDurableTransaction, inUnsyncedTransaction } from '../../clients/sqlite/durable.ts'
import { systemClock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { Expiry } from './expiry.ts'
import type { StoreClock } from './expiry.ts'
import { newHolder } from '../lease/holder.ts'
import { stateFileError } from '../sqlite/errors.ts'
import { SqliteLease } from '../sqlite/lease.ts'
import type { StateFile } from '../sqlite/state-file.ts'
import { holdLease, RETRY_LEASE_MS } from './hold-lease.ts'
import { full, parkedKeyOf, parseLetter, serialiseLetter, unreachable } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'

const PAGE = 200

/**
 * Dead letters in a state file. The write-ahead log lets `bingo dead-letters` read beside the daemon;
 * it is synced to disk before `add` resolves (invariant 1), beside the event loop.
 */
export class SqliteDeadLetterStore implements DeadLetterStore {
  readonly description: string
  readonly #limits: DeadLetterLimits
  readonly #file: StateFile
  readonly #clock: StoreClock
  readonly #expiry: Expiry

  /** Owns `file`: `close` closes it. */
  constructor(file: StateFile, limits: DeadLetterLimits, clock: StoreClock = systemClock) {
    this.#file = file
    this.#limits = limits
    this.#clock = clock
    this.#expiry = new Expiry((before) => this.#removeOlder(before), limits.maxAgeMs, clock)
    this.description = file.path
  }

  async add(letters: readonly DeadLetter[]): Promise<readonly string[]> {
    await this.#expiry.run()
    return this.#run((database) => inDurableTransaction(database, () => this.#insert(database, letters), this.#clock))
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
    const rows = await this.#run((database) =>
      database.prepare('SELECT DISTINCT parked_key AS parked FROM letters WHERE parked_key IS NOT NULL').all(),
    )
    return new Set(rows.map((row) => row['parked'] as string))
  }

  async *list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    const { where, values } = conditions(filter)
    let left = filter.limit ?? Infinity
    let place = 0
    while (left > 0) {
      const sql = `SELECT place, id, body FROM letters WHERE place > ? ${where} ORDER BY place LIMIT ?`
      const rows = await this.#run((database) => database.prepare(sql).all(place, ...values, Math.min(left, PAGE)))
      for (const row of rows) {
        yield parseLetter({ id: row['id'] as string, text: row['body'] as string }, this.description)
      }
      if (rows.length < PAGE) return
      left -= rows.length
      place = rows.at(-1)!['place'] as number
    }
  }

  async remove(ids: readonly string[]): Promise<number> {
    return this.#run((database) => {
      const statement = database.prepare('DELETE FROM letters WHERE id IN (SELECT value FROM json_each(?))')
      return whenFree(database, () => Number(statement.run(JSON.stringify(ids)).changes), this.#clock)
    })
  }

  async #removeOlder(before: number): Promise<void> {
    await this.#run((database) => inUnsyncedTransaction(database, () => removeOlder(database, before), this.#clock))
  }

  async count(): Promise<number> {
    return this.#run((database) => database.prepare('SELECT count AS n FROM totals').get()!['n'] as number)
  }

  lease(): Promise<AsyncDisposable> {
    const lease = new SqliteLease(() => this.#file.open(), {
      name: 'retry',
      holder: newHolder(),
      ttlMs: RETRY_LEASE_MS,
      clock: this.#clock,
      place: this.description,
    })
    return holdLease(lease, this.description)
  }

  async close(): Promise<void> {
    this.#file.close()
  }

  /** Opens the file on first use. Rejects with BINGO_DEAD_LETTERS_UNREACHABLE, BINGO_STATE_CORRUPT or BINGO_STATE_NEWER. */
  async #run<T>(work: (database: DatabaseSync) => T | Promise<T>): Promise<T> {
    try {
      return await work(await this.#file.open())
    } catch (error) {
      throw unreachable(this.description, stateFileError(this.#file.path, error))
    }
  }
}

function removeOlder(database: DatabaseSync, before: number): void {
  let last = 0
  for (const { place, written } of database
    .prepare('SELECT place, created_at AS written FROM letters ORDER BY place')
    .iterate()) {
    if ((written as number) >= before) break
    last = place as number
  }
  if (last > 0) database.prepare('DELETE FROM letters WHERE place <= ?').run(last)
}

function columnsOf(letter: DeadLetter, key: string | null): SQLInputValue[] {
  const body = serialiseLetter(letter)
  const { schema, table } = letter.event
  return [letter.id, letter.ruleId, schema, table, key, letter.createdAt, Buffer.byteLength(body), body]
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
