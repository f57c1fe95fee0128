import type { ClientBase, Pool } from 'pg'
import { NamedStatements } from './named-statements.ts'
import { numbered } from './session.ts'
import type { SqlDatabase, SqlResult, SqlRow, SqlSession, SqlValue } from './session.ts'

/** A connection of pg, or a pool of them. */
export class PostgresSession implements SqlSession {
  readonly dialect = 'postgres'
  readonly #client: Pick<ClientBase, 'query'>

  constructor(client: Pick<ClientBase, 'query'>) {
    this.#client = client
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
    const { rows, rowCount } = await this.#client.query<SqlRow>(numbered(sql), [...values])
    return { rows, changes: rowCount ?? 0 }
  }
}

export class PostgresDatabase extends PostgresSession implements SqlDatabase {
  readonly #pool: Pool
  readonly #named = new NamedStatements()

  constructor(pool: Pool) {
    super(pool)
    this.#pool = pool
  }

  /** Each connection plans it once and keeps it under the name: another text needs another one. `sql` has `$1`, `$2`, … */
  async runNamed(name: string, sql: string, values: readonly SqlValue[]): Promise<SqlResult> {
    const { rows, rowCount } = await this.#named.query<SqlRow>(this.#pool, name, sql, values)
    return { rows, changes: rowCount ?? 0 }
  }

  async transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    try {
      // Whatever the default is: who has waited for a lock has to see what its last owner has committed.
      await client.query('BEGIN ISOLATION LEVEL READ COMMITTED')
      const result = await work(new PostgresSession(client))
      await client.query('COMMIT')
      return result
    } catch (error) {
      // A connection that cannot even roll back is thrown away.
      await client.query('ROLLBACK').catch((failed: Error) => (broken = failed))
      throw error
    } finally {
      client.release(broken)
    }
  }
}
