import type { DatabaseSync } from 'node:sqlite'
import { isDuplicateKey } from '../clients/sql/duplicate-key.ts'
import { EXPRESSIONS } from '../clients/sql/expressions.ts'
import type { Expressions } from '../clients/sql/expressions.ts'
import { databaseOf, sessionOf, UnknownHandleError } from '../clients/sql/handles.ts'
import type { OwnDatabase } from '../clients/sql/handles.ts'
import { migrate, migrateSqlite } from '../clients/sql/migrate.ts'
import { marks, tuplesOf } from '../clients/sql/session.ts'
import type { SqlResult, SqlRow, SqlSession, SqlValue } from '../clients/sql/session.ts'
import { BingoError } from '../model/errors.ts'
import { claim } from './claim.ts'
import type { OutboxClaim, OutboxEntry, OutboxStorage, StoredOutboxEntry } from './contract.ts'
import { json } from './entry.ts'
import { idTaken, noTransaction, outboxUnreachable } from './errors.ts'
import { outboxTables } from './schema.ts'

export interface SqlOutboxOptions {
  /** Default: `outbox`. */
  readonly table?: string | undefined
}

/** Rows of one statement: servers keep prepared statements by their text. */
const MOST_ROWS = 50
/** Rows that are deleted at once: larger deletions hold up who saves. */
const CHUNK = 1_000
const MOST_ERROR_LENGTH = 2_000

/**
 * An outbox in a table of the application's database. `database`: a pool of mysql2 or pg, or a connection of node:sqlite;
 * with that, give the outbox a connection of its own. Throws BINGO_OUTBOX_DATABASE for anything else.
 */
export function sqlOutbox(database: unknown, { table = 'outbox' }: SqlOutboxOptions = {}): OutboxStorage {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,40}$/.test(table)) {
    throw new BingoError('BINGO_OUTBOX_DATABASE', `"${table}" is not a name for the table of an outbox`, {
      hint: 'Use letters, digits and underscores.',
    })
  }
  try {
    return new SqlOutbox(databaseOf(database), database, table)
  } catch (error) {
    if (!(error instanceof UnknownHandleError)) throw error
    throw new BingoError('BINGO_OUTBOX_DATABASE', `This is not a database for an outbox: ${error.message}`, {
      cause: error,
    })
  }
}

class SqlOutbox implements OutboxStorage {
  readonly description: string
  readonly #database: OwnDatabase
  readonly #handle: unknown
  readonly #table: string
  readonly #sql: Expressions

  constructor(database: OwnDatabase, handle: unknown, table: string) {
    this.#database = database
    this.#handle = handle
    this.#table = table
    this.#sql = EXPRESSIONS[database.dialect]
    this.description = `${database.dialect} table ${table}`
  }

  async setup(): Promise<void> {
    const tables = outboxTables(this.#database.dialect, this.#table)
    await this.#use(async () => {
      if (this.#database.dialect === 'sqlite') await migrateSqlite(this.#handle as DatabaseSync, tables)
      else await migrate(this.#database, tables)
    })
  }

  save(entry: OutboxEntry, transaction?: unknown): Promise<void> {
    return this.saveBatch([entry], transaction)
  }

  async saveBatch(entries: readonly OutboxEntry[], transaction?: unknown): Promise<void> {
    if (transaction === undefined) {
      await this.#use(() => this.#saveAlone(entries)).catch((error: BingoError) => {
        throw isDuplicateKey(error.cause) ? idTaken(entries.map(({ id }) => id).join('", "')) : error
      })
      return
    }
    const session = this.#sessionOf(transaction)
    // Errors of the application's own transaction are for the application as they are.
    for (const [sql, values] of this.#inserts(entries)) await session.run(sql, values)
  }

  fetchUnprocessed(wanted: OutboxClaim): Promise<readonly StoredOutboxEntry[]> {
    return this.#use(async () => (await claim(this.#database, this.#table, wanted)).map(storedEntry))
  }

  async renew(ids: readonly string[], owner: string, leaseMs: number): Promise<number> {
    const until = `claimed_until = ${this.#sql.nowMs} + ?`
    return this.#update(until, [leaseMs], ids, owner)
  }

  async release(ids: readonly string[], owner: string): Promise<void> {
    await this.#update('claimed_by = NULL, claimed_until = 0', [], ids, owner)
  }

  markAsProcessed(ids: readonly string[], owner: string): Promise<number> {
    const processed = `processed_at = ${this.#sql.now}, claimed_by = NULL, claimed_until = 0`
    return this.#update(processed, [], ids, owner)
  }

  async markAsFailed(id: string, error: string): Promise<void> {
    const failed = 'failed = 1, last_error = ?, claimed_by = NULL, claimed_until = 0'
    await this.#update(failed, [error.slice(0, MOST_ERROR_LENGTH)], [id])
  }

  async incrementRetry(id: string, error: string, delayMs: number): Promise<void> {
    const due = `due_at = ${this.#sql.nowMs} + ?`
    const retried = `retry_count = retry_count + 1, last_error = ?, ${due}, claimed_by = NULL, claimed_until = 0`
    await this.#update(retried, [error.slice(0, MOST_ERROR_LENGTH), delayMs], [id])
  }

  async delete(ids: readonly string[]): Promise<number> {
    let deleted = 0
    for (const some of chunks(ids)) {
      deleted += (await this.#run(`DELETE FROM ${this.#table} WHERE id IN (${marks(some.length)})`, some)).changes
    }
    return deleted
  }

  async deleteProcessedBefore(before: Date): Promise<number> {
    const old = `SELECT id FROM ${this.#table} WHERE processed_at < ${this.#sql.timeOf} LIMIT ${CHUNK}`
    let deleted = 0
    for (;;) {
      const { rows } = await this.#run(old, [before.getTime()])
      if (rows.length === 0) return deleted
      deleted += await this.delete(rows.map(({ id }) => id as string))
    }
  }

  /** The database is the application's. */
  async close(): Promise<void> {}

  async #saveAlone(entries: readonly OutboxEntry[]): Promise<void> {
    const inserts = this.#inserts(entries)
    const database = this.#database
    if (database.dialect === 'sqlite') {
      await database.runTogether(inserts)
      return
    }
    const work = async (session: SqlSession): Promise<void> => {
      for (const [sql, values] of inserts) await session.run(sql, values)
    }
    await (inserts.length === 1 ? work(database) : database.transaction(work))
  }

  #inserts(entries: readonly OutboxEntry[]): (readonly [string, SqlValue[]])[] {
    const columns = 'id, aggregate_id, event_type, topic, payload, headers'
    const row = `(?, ?, ?, ?, ${this.#sql.json}, ${this.#sql.json})`
    return chunks(entries).map((some) => [
      `INSERT INTO ${this.#table} (${columns}) VALUES ${tuplesOf(some.length, row)}`,
      some.flatMap(({ id, aggregateId = null, type = null, topic, payload, headers = null }) => [
        id,
        aggregateId,
        type,
        topic,
        json('payload', payload),
        headers === null ? null : json('headers', headers),
      ]),
    ])
  }

  async #update(set: string, values: readonly SqlValue[], ids: readonly string[], owner?: string): Promise<number> {
    let changes = 0
    const mine = owner === undefined ? '' : ' AND claimed_by = ?'
    for (const some of chunks(ids)) {
      const sql = `UPDATE ${this.#table} SET ${set} WHERE id IN (${marks(some.length)})${mine}`
      const all = [...values, ...some, ...(owner === undefined ? [] : [owner])]
      changes += (await this.#run(sql, all)).changes
    }
    return changes
  }

  #sessionOf(transaction: unknown): SqlSession {
    try {
      return sessionOf(transaction, this.#database.dialect)
    } catch (error) {
      throw error instanceof UnknownHandleError ? noTransaction(error.message) : error
    }
  }

  #run(sql: string, values: readonly SqlValue[]): Promise<SqlResult> {
    return this.#use(() => this.#database.run(sql, values))
  }

  async #use<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw outboxUnreachable(this.description, error)
    }
  }
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / MOST_ROWS) }, (_, i) =>
    items.slice(i * MOST_ROWS, (i + 1) * MOST_ROWS),
  )
}

function storedEntry(row: SqlRow): StoredOutboxEntry {
  return {
    id: row['id'] as string,
    topic: row['topic'] as string,
    aggregateId: row['aggregate_id'] as string | null,
    type: row['event_type'] as string | null,
    payload: JSON.parse(row['payload_text'] as string) as unknown,
    headers: JSON.parse((row['headers_text'] as string | null) ?? '{}') as StoredOutboxEntry['headers'],
    retryCount: Number(row['retry_count']),
  }
}
