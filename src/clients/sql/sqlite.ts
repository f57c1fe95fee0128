import type { DatabaseSync } from 'node:sqlite'
import { whenFree } from '../sqlite/free.ts'
import { inTransaction } from '../sqlite/transaction.ts'
import type { SqlResult, SqlSession, SqlValue } from './session.ts'

/** A statement that must not become a part of a transaction that somebody else has open on the same connection. */
export class TransactionOpenError extends Error {
  constructor() {
    super('the connection is inside of a transaction of the application')
    this.name = 'TransactionOpenError'
  }
}

/** A connection of node:sqlite. What is run is done when `run` returns its promise. */
export class SqliteSession implements SqlSession {
  readonly dialect = 'sqlite'
  protected readonly database: DatabaseSync

  constructor(database: DatabaseSync) {
    this.database = database
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
    return this.runNow(sql, values)
  }

  protected runNow(sql: string, values: readonly SqlValue[]): SqlResult {
    const statement = this.database.prepare(sql)
    if (statement.columns().length > 0) return { rows: statement.all(...values), changes: 0 }
    return { rows: [], changes: Number(statement.run(...values).changes) }
  }
}

/** Each statement is a transaction of its own: open ones would hold up other connections. Those of others are waited for. */
export class SqliteConnection extends SqliteSession {
  override run(sql: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
    return whenFree(this.database, () => {
      this.#refuseOpen()
      return this.runNow(sql, values)
    })
  }

  /** All of them, or none. */
  runTogether(statements: readonly (readonly [sql: string, values: readonly SqlValue[]])[]): Promise<void> {
    return whenFree(this.database, () => {
      this.#refuseOpen()
      inTransaction(this.database, () => {
        for (const [sql, values] of statements) this.database.prepare(sql).run(...values)
      })
    })
  }

  #refuseOpen(): void {
    if (this.database.isTransaction) throw new TransactionOpenError()
  }
}
