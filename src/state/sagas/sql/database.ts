import type { SqlAddress } from '../../../clients/sql/address.ts'
import type { NewerTablesError } from '../../../clients/sql/migrate.ts'
import type { SqlSession } from '../../../clients/sql/session.ts'
import { BingoError } from '../../../model/errors.ts'
import { ServerDatabase } from '../../sql/server-database.ts'
import { unreachable } from '../texts.ts'
import { sagaMigrations } from './tables.ts'

/** One writes, the others read. */
const CONNECTIONS = 5

/** The database of sagas. Rejects with BingoErrors only. */
export class SagaDatabase {
  readonly #server: ServerDatabase

  constructor(address: SqlAddress) {
    this.#server = new ServerDatabase(address, { connections: CONNECTIONS, migrations: sagaMigrations, newer })
  }

  get isMysql(): boolean {
    return this.#server.isMysql
  }

  use<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#told(this.#server.use(work))
  }

  /** Repeated where the server chose it as the one to give way: `work` has to bear that. */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T> {
    return this.#told(this.#server.transaction(work))
  }

  close(): Promise<void> {
    return this.#server.close()
  }

  #told<T>(result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      throw unreachable(this.#server.printable, error)
    })
  }
}

function newer(place: string, { found, known }: NewerTablesError): BingoError {
  const message = `The tables of ${place} were made by a newer BinGo (version ${found}, this one supports up to ${known})`
  return new BingoError('BINGO_SAGA_STORE_NEWER', message, { hint: 'Run the newer BinGo.' })
}
