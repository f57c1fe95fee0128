import { mysqlQueries, postgresQueries } from '../../../clients/kysely.ts'
import type { SqlAddress } from '../../../clients/sql/address.ts'
import { KyselyDatabase } from '../../../clients/sql/kysely.ts'
import { migrate, NewerTablesError } from '../../../clients/sql/migrate.ts'
import type { SqlDatabase, SqlSession } from '../../../clients/sql/session.ts'
import { BingoError } from '../../../model/errors.ts'
import { unreachable } from '../texts.ts'
import { sagaMigrations } from './tables.ts'

/** One writes, the others read. */
const CONNECTIONS = 5
/** Of a transaction that the server rolled back for the sake of another one, or that lost a race for a key. */
const ATTEMPTS = 5
/** Deadlock, lock wait timeout, key taken; serialization failure, deadlock, key taken. */
const REPEATABLE = new Set<unknown>([1213, 1205, 1062, '40001', '40P01', '23505'])
const PREPARE_MYSQL = [
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES', autocommit = 1, innodb_lock_wait_timeout = 20",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
]
const PREPARE_POSTGRES = ["SET default_transaction_isolation = 'read committed'"]

interface Opened {
  readonly database: SqlDatabase
  readonly destroy: () => Promise<void>
}

/** Connections to the server, with the tables in place: they are made with the first use. Rejects with BingoErrors only. */
export class SagaDatabase {
  readonly #address: SqlAddress
  #opening: Promise<Opened> | null = null

  constructor(address: SqlAddress) {
    this.#address = address
  }

  get printable(): string {
    return this.#address.printable
  }

  get isMysql(): boolean {
    return this.#address.flavour === 'mysql'
  }

  async use<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    try {
      return await work((await this.#opened()).database)
    } catch (error) {
      throw unreachable(this.printable, error)
    }
  }

  /** Repeated where the server chose it as the one to give way: `work` has to bear that. */
  async transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    try {
      const { database } = await this.#opened()
      for (let attempt = 1; ; attempt++) {
        try {
          return await database.transaction(work)
        } catch (error) {
          if (attempt === ATTEMPTS || !isRepeatable(error)) throw error
        }
      }
    } catch (error) {
      throw unreachable(this.printable, error)
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
    const queries = await connect(this.#address)
    try {
      const database = new KyselyDatabase(queries, this.isMysql ? 'mysql' : 'postgres')
      await migrate(database, sagaMigrations(database.dialect))
      return { database, destroy: () => queries.destroy() }
    } catch (error) {
      await queries.destroy().catch(() => undefined)
      throw error instanceof NewerTablesError ? newer(this.printable, error) : error
    }
  }
}

async function connect(address: SqlAddress) {
  if (address.flavour === 'mysql') {
    const { mysqlPoolAt } = await import('../../../clients/sql/mysql-pool.ts')
    return mysqlQueries<object>(mysqlPoolAt(address, { connections: CONNECTIONS }), PREPARE_MYSQL)
  }
  const { postgresPoolAt } = await import('../../../clients/sql/postgres-pool.ts')
  return postgresQueries<object>(postgresPoolAt(address, { connections: CONNECTIONS }), PREPARE_POSTGRES)
}

function isRepeatable(error: unknown): boolean {
  const { errno, code } = error as { readonly errno?: unknown; readonly code?: unknown }
  return REPEATABLE.has(errno) || REPEATABLE.has(code)
}

function newer(place: string, { found, known }: NewerTablesError): BingoError {
  const message = `The tables of ${place} were made by a newer BinGo (version ${found}, this one supports up to ${known})`
  return new BingoError('BINGO_SAGA_STORE_NEWER', message, { hint: 'Run the newer BinGo.' })
}
