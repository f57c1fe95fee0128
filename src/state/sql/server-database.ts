import type { SqlAddress } from '../../clients/sql/address.ts'
import { KyselyDatabase } from '../../clients/sql/kysely.ts'
import { migrate, NewerTablesError, type Migrations } from '../../clients/sql/migrate.ts'
import { PREPARE_MYSQL, PREPARE_POSTGRES } from '../../clients/sql/preparation.ts'
import type { SqlDatabase, SqlDialect, SqlSession } from '../../clients/sql/session.ts'
import type { BingoError } from '../../model/errors.ts'

/** Of a transaction that the server rolled back for the sake of another one, or that lost a race for a key. */
const ATTEMPTS = 5
/** Deadlock, lock wait timeout, key taken; serialization failure, deadlock, key taken. */
const REPEATABLE = new Set<unknown>([1213, 1205, 1062, '40001', '40P01', '23505'])

export interface ServerDatabaseOptions {
  /** At most, at once. */
  readonly connections: number
  readonly migrations: (dialect: SqlDialect) => Migrations
  /** What a server is refused with whose tables a later version has made. */
  readonly newer: (place: string, error: NewerTablesError) => BingoError
}

interface Opened {
  readonly database: SqlDatabase
  readonly destroy: () => Promise<void>
}

/** Connections to a server, with the tables in place: they are made with the first use. Rejects with errors of the client. */
export class ServerDatabase {
  readonly #address: SqlAddress
  readonly #options: ServerDatabaseOptions
  #opening: Promise<Opened> | null = null

  constructor(address: SqlAddress, options: ServerDatabaseOptions) {
    this.#address = address
    this.#options = options
  }

  get printable(): string {
    return this.#address.printable
  }

  get isMysql(): boolean {
    return this.#address.flavour === 'mysql'
  }

  async use<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return work((await this.#opened()).database)
  }

  /** Repeated where the server chose it as the one to give way: `work` has to bear that. */
  async transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    const { database } = await this.#opened()
    for (let attempt = 1; ; attempt++) {
      try {
        return await database.transaction(work)
      } catch (error) {
        if (attempt === ATTEMPTS || !isRepeatable(error)) throw error
      }
    }
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => null)
    await opened?.destroy().catch(() => undefined)
  }

  #opened(): Promise<Opened> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  async #open(): Promise<Opened> {
    const { connections, migrations, newer } = this.#options
    const queries = await connect(this.#address, connections)
    try {
      const database = new KyselyDatabase(queries, this.isMysql ? 'mysql' : 'postgres')
      await migrate(database, migrations(database.dialect))
      return { database, destroy: () => queries.destroy() }
    } catch (error) {
      await queries.destroy().catch(() => undefined)
      throw error instanceof NewerTablesError ? newer(this.printable, error) : error
    }
  }
}

/** Loads the client that is needed, and no other: most instances have their state elsewhere. */
async function connect(address: SqlAddress, connections: number) {
  const { mysqlQueries, postgresQueries } = await import('../../clients/kysely.ts')
  if (address.flavour === 'mysql') {
    const { mysqlPoolAt } = await import('../../clients/sql/mysql-pool.ts')
    return mysqlQueries<object>(mysqlPoolAt(address, { connections }), PREPARE_MYSQL)
  }
  const { postgresPoolAt } = await import('../../clients/sql/postgres-pool.ts')
  return postgresQueries<object>(postgresPoolAt(address, { connections }), PREPARE_POSTGRES)
}

function isRepeatable(error: unknown): boolean {
  const { errno, code } = error as { readonly errno?: unknown; readonly code?: unknown }
  return REPEATABLE.has(errno) || REPEATABLE.has(code)
}
