import { EXPRESSIONS } from '../clients/sql/expressions.ts'
import { databaseOf, sessionOf, UnknownHandleError } from '../clients/sql/handles.ts'
import type { OwnDatabase } from '../clients/sql/handles.ts'
import type { SqlDialect, SqlSession } from '../clients/sql/session.ts'
import { BingoError } from '../model/errors.ts'
import type { InboxMessage, InboxStorage } from './contract.ts'
import { isTableName, newestOf, NOTE, NotesTable } from './notes-table.ts'

export interface SqlInboxOptions {
  /** Default: `inbox`. */
  readonly table?: string | undefined
}

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
const WHICH = 'WHERE message_id = ? AND handler = ?'

/**
 * An inbox in a table of the application's database. `database`: a pool of mysql2 or pg, or a connection of node:sqlite, for
 * `setup` and cleaning up. Throws BINGO_INBOX_DATABASE for anything else.
 */
export function sqlInbox(database: unknown, { table = 'inbox' }: SqlInboxOptions = {}): InboxStorage {
  if (!isTableName(table)) {
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
  readonly #notes: NotesTable
  readonly #table: string

  constructor(database: OwnDatabase, handle: unknown, table: string) {
    this.#database = database
    this.#table = table
    this.#notes = new NotesTable({
      database,
      handle,
      table,
      component: 'inbox',
      columns: COLUMNS,
      key: 'message_id, handler',
    })
    this.description = this.#notes.description
  }

  setup(): Promise<void> {
    return this.#notes.setup()
  }

  async begin(transaction: unknown, { id, handler }: InboxMessage): Promise<boolean> {
    const [before, behind] = NOTE[this.#database.dialect]
    const sql = `${before} INTO ${this.#table} (message_id, handler) VALUES (?, ?)${behind}`
    return (await this.#sessionOf(transaction).run(sql, [id, handler])).changes > 0
  }

  async result(transaction: unknown, { id, handler }: InboxMessage): Promise<string | null> {
    const { dialect } = this.#database
    const sql = `SELECT ${EXPRESSIONS[dialect].jsonText('result')} AS value FROM ${this.#table} ${WHICH}${newestOf(dialect)}`
    const { rows } = await this.#sessionOf(transaction).run(sql, [id, handler])
    return (rows[0]?.['value'] as string | null | undefined) ?? null
  }

  async finish(transaction: unknown, { id, handler }: InboxMessage, result: string): Promise<void> {
    const { json } = EXPRESSIONS[this.#database.dialect]
    const sql = `UPDATE ${this.#table} SET result = ${json} ${WHICH}`
    await this.#sessionOf(transaction).run(sql, [result, id, handler])
  }

  deleteReceivedBefore(before: Date): Promise<number> {
    return this.#notes.deleteReceivedBefore(before)
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
