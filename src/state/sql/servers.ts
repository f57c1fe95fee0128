import { parseSqlAddress, type SqlAddress } from '../../clients/sql/address.ts'
import type { NewerTablesError } from '../../clients/sql/migrate.ts'
import { BingoError } from '../../model/errors.ts'
import { InstancePlace } from './instance-place.ts'
import { ServerDatabase } from './server-database.ts'
import { stateMigrations } from './tables.ts'

/** Leases are few and must not wait behind what is written: they have connections of their own. */
const CONNECTIONS = { values: 8, leases: 2 } as const
type Purpose = keyof typeof CONNECTIONS

interface Shared {
  readonly database: ServerDatabase
  users: number
}

/** Database servers that hold state: all stores of a process share the connections to one, and the last that closes ends them. */
export class StateServers {
  readonly #shared = new Map<string, Shared>()

  /** `url`: mysql, mariadb or postgres. Nothing is opened yet. Throws AddressError. */
  place(url: string, name: string, purpose: Purpose): InstancePlace {
    const address = parseSqlAddress(url)
    const key = `${purpose} ${url}`
    const shared = this.#shared.get(key) ?? this.#share(key, address, purpose)
    shared.users += 1
    return new InstancePlace(shared.database, name, async () => {
      shared.users -= 1
      if (shared.users > 0) return
      this.#shared.delete(key)
      await shared.database.close()
    })
  }

  #share(key: string, address: SqlAddress, purpose: Purpose): Shared {
    const options = { connections: CONNECTIONS[purpose], migrations: stateMigrations, newer }
    const shared = { database: new ServerDatabase(address, options), users: 0 }
    this.#shared.set(key, shared)
    return shared
  }
}

function newer(place: string, { found, known }: NewerTablesError): BingoError {
  const message = `The tables of state in ${place} were made by a newer BinGo (version ${found}, this one supports up to ${known})`
  return new BingoError('BINGO_STATE_NEWER', message, { hint: 'Run the newer BinGo. It was not changed.' })
}
