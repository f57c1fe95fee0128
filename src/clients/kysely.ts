import { CompiledQuery, Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import type { MysqlPool, MysqlPoolConnection, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import type { Pool as MysqlPromisePool } from 'mysql2/promise'
import type { Pool as PostgresPool, PoolClient } from 'pg'
import { NamedStatements } from './sql/named-statements.ts'

export { CompiledQuery, sql }

/**
 * Queries on a pool of mysql2, whose tables are `T`. Each new connection begins with `preparation`; `destroy` ends the pool.
 *
 * Not by Kysely's `onCreateConnection`: where that fails, Kysely never gives the connection back. Its place in the pool is
 * lost for good, and a pool of pg waits for it for ever when it ends.
 */
export function mysqlQueries<T>(pool: MysqlPromisePool, preparation: readonly string[]): Kysely<T> {
  // mysql2's own type of it lets a callback take a null.
  const core = pool.pool as unknown as MysqlPool
  const prepared = new WeakSet<MysqlPoolConnection>()
  const prepare = async (connection: MysqlPoolConnection): Promise<void> => {
    if (prepared.has(connection)) return
    try {
      for (const statement of preparation) await answerOf(connection, statement)
      prepared.add(connection)
    } catch (error) {
      connection.destroy()
      throw error
    }
  }
  const preparing: MysqlPool = {
    getConnection(done) {
      core.getConnection((error, connection) => {
        if (error !== null && error !== undefined) return done(error, connection)
        prepare(connection).then(
          () => done(null, connection),
          (failed: unknown) => done(failed, connection),
        )
      })
    },
    end: (done) => core.end(done),
  }
  return new Kysely({ dialect: new MysqlDialect({ pool: preparing }) })
}

/**
 * The same on a pool of pg. `plannedOnce`: statements, by their text, that a connection plans once, and the names under
 * which it keeps them; to be used outside of transactions only.
 */
export function postgresQueries<T>(
  pool: PostgresPool,
  preparation: readonly string[],
  plannedOnce: ReadonlyMap<string, string> = new Map(),
): Kysely<T> {
  const prepared = new WeakMap<PoolClient, PostgresPoolClient>()
  const names = new StatementNames(plannedOnce)
  const connect = async (): Promise<PostgresPoolClient> => {
    const client = await pool.connect()
    const known = prepared.get(client)
    if (known !== undefined) return known
    try {
      for (const statement of preparation) await client.query(statement)
    } catch (error) {
      client.release(true)
      throw error
    }
    const naming = names.on(client)
    prepared.set(client, naming)
    return naming
  }
  return new Kysely({
    dialect: new PostgresDialect({ pool: { connect, end: () => pool.end(), options: pool.options } }),
  })
}

/** Gives statements the names under which connections keep them. */
class StatementNames {
  private readonly names: ReadonlyMap<string, string>
  private readonly named = new NamedStatements()

  constructor(names: ReadonlyMap<string, string>) {
    this.names = names
  }

  on(client: PoolClient): PostgresPoolClient {
    const plain = client as PostgresPoolClient
    const query = async <R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>> => {
      const name = this.names.get(text)
      if (name === undefined) return plain.query<R>(text, values)
      return (await this.named.query(client, name, text, values)) as unknown as PostgresQueryResult<R>
    }
    // Kysely opens cursors only where it was given what makes them.
    return { query: query as PostgresPoolClient['query'], release: (destroy?: boolean) => client.release(destroy) }
  }
}

function answerOf(connection: MysqlPoolConnection, statement: string): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.query(statement, [], (error) => {
      if (error === null || error === undefined) resolve()
      else reject(error as Error)
    })
  })
}
