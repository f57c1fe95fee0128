import { EXPRESSIONS } from '../../clients/sql/expressions.ts'
import { databaseOf, sessionOf, UnknownHandleError } from '../../clients/sql/handles.ts'
import type { OwnDatabase } from '../../clients/sql/handles.ts'
import type { SqlDialect, SqlSession } from '../../clients/sql/session.ts'
import { BingoError } from '../../model/errors.ts'
import type { BarrierStorage, NotedCommand, SagaOperation } from './contract.ts'
import { isTableName, newestOf, NOTE, NotesTable } from '../notes-table.ts'

export interface SqlBarrierOptions {
  /** Default: `saga_barrier`. */
  readonly table?: string | undefined
}

export const BARRIER_TABLE = 'saga_barrier'

/** The lengths fill what MySQL takes as a key. */
const mysqlName = (length: number): string => `VARCHAR(${length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL`
const MYSQL_OP = 'VARCHAR(4) CHARACTER SET ascii COLLATE ascii_bin NOT NULL'

const COLUMNS: Readonly<Record<SqlDialect, string>> = {
  sqlite: `saga TEXT NOT NULL, step TEXT NOT NULL, op TEXT NOT NULL, noted_by TEXT NOT NULL,
    received_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')), result TEXT,
    PRIMARY KEY (saga, step, op)`,
  mysql: `saga ${mysqlName(511)}, step ${mysqlName(255)}, op ${MYSQL_OP}, noted_by ${MYSQL_OP},
    received_at DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), result JSON,
    PRIMARY KEY (saga, step, op), KEY received (received_at)`,
  postgres: `saga TEXT NOT NULL, step TEXT NOT NULL, op TEXT NOT NULL, noted_by TEXT NOT NULL,
    received_at TIMESTAMPTZ(3) NOT NULL DEFAULT now(), result JSON,
    PRIMARY KEY (saga, step, op)`,
}
const WHICH = 'WHERE saga = ? AND step = ? AND op = ?'

/** Of one operation of a step. */
type Noted = Pick<NotedCommand, 'saga' | 'step' | 'operation'>

/**
 * A barrier in a table of the application's database. `database`: a pool of mysql2 or pg, or a connection of node:sqlite,
 * for `setup` and cleaning up. Throws BINGO_BARRIER_DATABASE for anything else.
 */
export function sqlBarrier(database: unknown, { table = BARRIER_TABLE }: SqlBarrierOptions = {}): BarrierStorage {
  if (!isTableName(table)) {
    throw new BingoError('BINGO_BARRIER_DATABASE', `"${table}" is not a name for the table of a barrier`, {
      hint: 'Use letters, digits and underscores.',
    })
  }
  try {
    return new OwnedSqlBarrier(databaseOf(database), database, table)
  } catch (error) {
    if (!(error instanceof UnknownHandleError)) throw error
    throw new BingoError('BINGO_BARRIER_DATABASE', `This is not a database for a barrier: ${error.message}`, {
      cause: error,
    })
  }
}

function transactionError(error: Error): BingoError {
  const message = `The saga's command cannot be noted in this transaction: ${error.message}`
  return new BingoError('BINGO_BARRIER_TRANSACTION', message, {
    cause: error,
    hint: 'Pass the connection or transaction on which the work is done.',
  })
}

/** What needs no more than the transactions of an application. */
export class SqlBarrier implements Pick<BarrierStorage, 'note' | 'find' | 'finish'> {
  readonly #dialect: SqlDialect
  readonly #table: string

  constructor(dialect: SqlDialect, table: string) {
    this.#dialect = dialect
    this.#table = table
  }

  async note(transaction: unknown, { saga, step, operation, notedBy }: NotedCommand): Promise<boolean> {
    const [before, behind] = NOTE[this.#dialect]
    const sql = `${before} INTO ${this.#table} (saga, step, op, noted_by) VALUES (?, ?, ?, ?)${behind}`
    return (await this.#sessionOf(transaction).run(sql, [saga, step, operation, notedBy])).changes > 0
  }

  async find(
    transaction: unknown,
    { saga, step, operation }: Noted,
  ): Promise<{ notedBy: SagaOperation; result: string | null } | null> {
    const result = EXPRESSIONS[this.#dialect].jsonText('result')
    const sql = `SELECT noted_by AS noted, ${result} AS value FROM ${this.#table} ${WHICH}${newestOf(this.#dialect)}`
    const row = (await this.#sessionOf(transaction).run(sql, [saga, step, operation])).rows[0]
    if (row === undefined) return null
    return { notedBy: row['noted'] === 'undo' ? 'undo' : 'do', result: (row['value'] as string | null) ?? null }
  }

  async finish(transaction: unknown, { saga, step, operation }: Noted, result: string): Promise<void> {
    const sql = `UPDATE ${this.#table} SET result = ${EXPRESSIONS[this.#dialect].json} ${WHICH}`
    await this.#sessionOf(transaction).run(sql, [result, saga, step, operation])
  }

  #sessionOf(transaction: unknown): SqlSession {
    try {
      return sessionOf(transaction, this.#dialect)
    } catch (error) {
      throw error instanceof UnknownHandleError ? transactionError(error) : error
    }
  }
}

/** With a database of its own to make the table in, and to clean it. */
class OwnedSqlBarrier extends SqlBarrier implements BarrierStorage {
  readonly description: string
  readonly #notes: NotesTable

  constructor(database: OwnDatabase, handle: unknown, table: string) {
    super(database.dialect, table)
    this.#notes = new NotesTable({
      database,
      handle,
      table,
      component: 'barrier',
      columns: COLUMNS,
      key: 'saga, step, op',
    })
    this.description = this.#notes.description
  }

  setup(): Promise<void> {
    return this.#notes.setup()
  }

  deleteReceivedBefore(before: Date): Promise<number> {
    return this.#notes.deleteReceivedBefore(before)
  }
}
