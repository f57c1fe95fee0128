import { CompiledQuery, Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import type { DatabaseConnection, MysqlPool } from 'kysely'
import type { Pool as MysqlPromisePool } from 'mysql2/promise'
import type { Pool as PostgresPool } from 'pg'

export { CompiledQuery, sql }

/** Queries on a pool of mysql2, whose tables are `T`. Each new connection begins with `preparation`; `destroy` ends the pool. */
export function mysqlQueries<T>(pool: MysqlPromisePool, preparation: readonly string[]): Kysely<T> {
  // mysql2's own type of it lets a callback take a null.
  const core = pool.pool as unknown as MysqlPool
  return new Kysely({ dialect: new MysqlDialect({ pool: core, onCreateConnection: prepareWith(preparation) }) })
}

/** The same on a pool of pg. */
export function postgresQueries<T>(pool: PostgresPool, preparation: readonly string[]): Kysely<T> {
  return new Kysely({ dialect: new PostgresDialect({ pool, onCreateConnection: prepareWith(preparation) }) })
}

function prepareWith(preparation: readonly string[]): (connection: DatabaseConnection) => Promise<void> {
  return async (connection) => {
    for (const statement of preparation) await connection.executeQuery(CompiledQuery.raw(statement))
  }
}
