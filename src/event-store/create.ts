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
  const { description, open } = placeOf(url, options)
  return new StoredStreams(description, open, options.clock ?? systemClock) as unknown as EventStore<E>
}

interface Place {
  readonly description: string
  readonly open: () => Promise<StreamStorage>
}

function placeOf(url: string, { create = true, connections = CONNECTIONS }: EventStoreOptions): Place {
  if (url === 'memory:') return sqlite(url, ':memory:', create)
  const file = /^file:(?!\/\/[^/])(?:\/\/)?(.+)$/.exec(url)
  if (file !== null) return sqlite(url, decodeURI(file[1]!), create)
  const server = URL.parse(url)
  if (server === null || server.hostname === '' || server.pathname.length < 2) throw noStore()
  const { protocol, host, pathname } = server
  const description = `${protocol}//${host}${pathname}`
  switch (protocol) {
    case 'mysql:':
    case 'mariadb:':
      return {
        description,
        open: async () => {
          const [{ openSqlStreams }, { openMysql }] = await Promise.all([
            import('./sql/open.ts'),
            import('./sql/mysql.ts'),
          ])
          return openSqlStreams(description, openMysql(url, connections), create)
        },
      }
    case 'postgres:':
    case 'postgresql:':
      return {
        description,
        open: async () => {
          const [{ openSqlStreams }, { openPostgres }] = await Promise.all([
            import('./sql/open.ts'),
            import('./sql/postgres.ts'),
          ])
          return openSqlStreams(description, openPostgres(url, connections), create)
        },
      }
    default:
      throw noStore()
  }
}

function sqlite(description: string, path: string, create: boolean): Place {
  return {
    description,
    open: async () => (await import('./sqlite/storage.ts')).openSqliteStreams(path, create),
  }
}

function noStore(): BingoError {
  return new BingoError('BINGO_STORE_URL_INVALID', 'This is not the address of an event store', {
    hint: 'Write file:/var/lib/app/events.db, mysql://user:password@host/database, postgres://user:password@host/database, or memory: for tests.',
  })
}
