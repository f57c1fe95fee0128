import { AddressError } from '../clients/address/error.ts'
import { parseSqlAddress } from '../clients/sql/address.ts'
import type { SqlAddress } from '../clients/sql/address.ts'
import { systemClock } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { DomainEvent, EventStore } from './contract.ts'
import { StoredStreams } from './event-store.ts'
import type { StreamStorage } from './storage.ts'

export interface EventStoreOptions {
  /** Default: the system clock. */
  readonly clock?: Clock | undefined
  /** Of a server: connections that are open at once. Default: 10. */
  readonly connections?: number | undefined
  /** False: a database without the tables is an error. Default: true, they are made. */
  readonly create?: boolean | undefined
  /** True: whole numbers in payloads that a JS number cannot hold are read as bigints. Default: false, they are rounded. */
  readonly exactNumbers?: boolean | undefined
}

const CONNECTIONS = 10

/**
 * An event store in a database: `file:PATH` (SQLite), `mysql://…`, `mariadb://…`, `postgres://…`, or `memory:` (for tests).
 * Nothing is loaded or opened before its first use, which also makes the tables. Throws BINGO_STORE_URL_INVALID.
 */
export function createEventStore<E extends DomainEvent = DomainEvent>(
  url: string,
  options: EventStoreOptions = {},
): EventStore<E> {
  return openStoredStreams(url, options) as EventStore<E>
}

/** The same, for the daemon. */
export function openStoredStreams(url: string, options: EventStoreOptions): StoredStreams {
  const { description, open } = placeOf(url, options)
  const { clock = systemClock, exactNumbers = false } = options
  return new StoredStreams(description, open, { clock, exactNumbers })
}

interface Place {
  readonly description: string
  readonly open: () => Promise<StreamStorage>
}

function placeOf(
  url: string,
  { create = true, connections = CONNECTIONS, clock = systemClock }: EventStoreOptions,
): Place {
  if (url === 'memory:') return sqlite(url, ':memory:', create, clock)
  const file = /^file:(?!\/\/[^/])(?:\/\/)?(.+)$/.exec(url)
  if (file !== null) return sqlite(url, decodeURI(file[1]!), create, clock)
  const address = serverAddress(url)
  const description = address.printable
  const open = async (): Promise<StreamStorage> => {
    const { openSqlStreams } = await import('./sql/open.ts')
    const opened =
      address.flavour === 'mysql'
        ? (await import('./sql/mysql.ts')).openMysql(address, connections)
        : (await import('./sql/postgres.ts')).openPostgres(address, connections)
    return openSqlStreams(description, opened, create)
  }
  return { description, open }
}

/** Throws BINGO_STORE_URL_INVALID for what is not the address of an event store. Nothing is opened. */
export function checkStoreUrl(url: string): void {
  placeOf(url, {})
}

function sqlite(description: string, path: string, create: boolean, clock: Clock): Place {
  return {
    description,
    open: async () => (await import('./sqlite/open.ts')).openSqliteStreams(path, { create, clock }),
  }
}

function serverAddress(url: string): SqlAddress {
  if (!/^(mysql|mariadb|postgres|postgresql):/i.test(url)) throw noStore('its scheme is not known')
  try {
    return parseSqlAddress(url)
  } catch (error) {
    if (!(error instanceof AddressError)) throw error
    throw noStore(error.message, error.hint, error)
  }
}

const HINT =
  'Write file:/var/lib/app/events.db, mysql://user:password@host/database, postgres://user:password@host/database, or memory: for tests.'

function noStore(why: string, hint = HINT, cause?: unknown): BingoError {
  return new BingoError('BINGO_STORE_URL_INVALID', `This is not the address of an event store: ${why}`, { hint, cause })
}
