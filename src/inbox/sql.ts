import type { DatabaseSync } from 'node:sqlite'
import { EXPRESSIONS } from '../clients/sql/expressions.ts'
import { databaseOf, sessionOf, UnknownHandleError } from '../clients/sql/handles.ts'
import type { OwnDatabase } from '../clients/sql/handles.ts'
import { migrate, migrateSqlite } from '../clients/sql/migrate.ts'
import type { Migrations } from '../clients/sql/migrate.ts'
import type { SqlDialect, SqlSession } from '../clients/sql/session.ts'
import { BingoError } from '../model/errors.ts'
import type { InboxMessage, InboxStorage } from './contract.ts'

export interface SqlInboxOptions {
  /** Default: `inbox`. */
  readonly table?: string | undefined
}

/** Rows that are deleted at once. */
const CHUNK = 1_000
const NAME = 'VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'

const COLUMNS: Readonly<Record<SqlDialect, string>> = {
  sqlite: `message_id TEXT NOT NULL, handler TEXT NOT NULL,
    received_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), result TEXT,
    PRIMARY KEY (message_id, handler)`,
  mysql: `message_id ${NAME} NOT NULL, handler ${NAME} NOT NULL,
    received_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), result JSON,
    PRIMARY KEY (message_id, handler), KEY received (received_at)`,
  postgres: `message_id TEXT NOT NULL, handler TEXT NOT NULL,
    received_at TIMESTAMPTZ(3) NOT NULL DEFAULT now(), result JSON,
    PRIMARY KEY (message_id, handler)`,
}
const TABLE_OPTIONS: Readonly<Record<SqlDialect, string>> = {
  sqlite: 'STRICT, WITHOUT ROWID',
  mysql: 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin',
  postgres: '',
}
/** Both wait for a transaction that has noted the message and not ended, and leave this one usable. */
const NOTE: Readonly<Record<SqlDialect, readonly [before: string, behind: string]>> = {
  sqlite: ['INSERT OR IGNORE', ''],
  mysql: ['INSERT IGNORE', ''],
  postgres: ['INSERT', ' ON CONFLICT DO NOTHING'],
}
const WHICH = 'WHERE message_id = ? AND handler = ?'

/**
 * An inbox in a table of the application's database. `database`: a pool of mysql2 or pg, or a connection of node:sqlite, for
 * `setup` and cleaning up. Throws BINGO_INBOX_DATABASE for anything else.
 */
export function sqlInbox(database: unknown, { table = 'inbox' }: SqlInboxOptions = {}): InboxStorage {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,40}$/.test(table)) {
    throw new BingoError('BINGO_INBOX_DATABASE', `"${table}" is not a name for the table of an inbox`, {
      hint: 'Use letters, digits and underscores.',
    })
  }
  try {
    return new SqlInbox(databaseOf(database), database, table)
  } catch (error) {
    if (!(error instanceof UnknownHandleError)) throw error
    throw new BingoError('BINGO_INBOX_DATABASE', `This is not a database for an inbox: ${error.message}`, {
      cause: error,
    })
  }
}

class SqlInbox implements InboxStorage {
  readonly description: string
  readonly #database: OwnDatabase
  readonly #handle: unknown
  readonly #table: string

  constructor(database: OwnDatabase, handle: unknown, table: string) {
    this.#database = database
    this.#handle = handle
    this.#table = table
    this.description = `${database.dialect} table ${table}`
  }

  async setup(): Promise<void> {
    const { dialect } = this.#database
    const tables = tablesOf(dialect, this.#table)
    if (dialect === 'sqlite') migrateSqlite(this.#handle as DatabaseSync, tables)
    else await migrate(this.#database, tables)
  }

  async begin(transaction: unknown, { id, handler }: InboxMessage): Promise<boolean> {
    const [before, behind] = NOTE[this.#database.dialect]
    const sql = `${before} INTO ${this.#table} (message_id, handler) VALUES (?, ?)${behind}`
    return (await this.#sessionOf(transaction).run(sql, [id, handler])).changes > 0
  }

  async result(transaction: unknown, { id, handler }: InboxMessage): Promise<string | null> {
    const { dialect } = this.#database
    // What another transaction has committed since this one's snapshot was taken is seen by locking reads alone.
    const newest = dialect === 'mysql' ? ' LOCK IN SHARE MODE' : ''
    const sql = `SELECT ${EXPRESSIONS[dialect].jsonText('result')} AS value FROM ${this.#table} ${WHICH}${newest}`
    const { rows } = await this.#sessionOf(transaction).run(sql, [id, handler])
    return (rows[0]?.['value'] as string | null | undefined) ?? null
  }

  async finish(transaction: unknown, { id, handler }: InboxMessage, result: string): Promise<void> {
    const { json } = EXPRESSIONS[this.#database.dialect]
    const sql = `UPDATE ${this.#table} SET result = ${json} ${WHICH}`
    await this.#sessionOf(transaction).run(sql, [result, id, handler])
  }

  async deleteReceivedBefore(before: Date): Promise<number> {
    const { dialect } = this.#database
    const old = `received_at < ${EXPRESSIONS[dialect].timeOf}`
    const some =
      dialect === 'mysql'
        ? `${old} LIMIT ${CHUNK}`
        : `(message_id, handler) IN (SELECT message_id, handler FROM ${this.#table} WHERE ${old} LIMIT ${CHUNK})`
    let deleted = 0
    for (;;) {
      const { changes } = await this.#database.run(`DELETE FROM ${this.#table} WHERE ${some}`, [before.getTime()])
      deleted += changes
      if (changes < CHUNK) return deleted
    }
  }

  #sessionOf(transaction: unknown): SqlSession {
    try {
      return sessionOf(transaction, this.#database.dialect)
    } catch (error) {
      if (!(error instanceof UnknownHandleError)) throw error
      throw new BingoError(
        'BINGO_INBOX_TRANSACTION',
        `The message cannot be handled in this transaction: ${error.message}`,
        {
          hint: 'Pass the connection or transaction on which the work is done.',
        },
      )
    }
  }
}

function tablesOf(dialect: SqlDialect, table: string): Migrations {
  const create = `CREATE TABLE IF NOT EXISTS ${table} (${COLUMNS[dialect]}) ${TABLE_OPTIONS[dialect]}`
  const index = `CREATE INDEX IF NOT EXISTS ${table}_received ON ${table} (received_at)`
  return { component: `inbox:${table}`, versions: [dialect === 'mysql' ? [create] : [create, index]] }
}
