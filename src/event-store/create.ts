import { systemClock } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { DomainEvent, EventStore } from './contract.ts'
import { StoredStreams } from './event-store.ts'
import type { StreamStorage } from './storage.ts'

export interface EventStoreOptions {
  /** Default: the system clock. */
  readonly clock?: Clock | undefined
  /** False: a database without the tables is an error. Default: true, they are made. */
  readonly create?: boolean | undefined
}

/**
 * An event store in a database: `file:PATH` (SQLite) or `memory:` (for tests). Nothing is loaded or opened before its
 * first use, which also makes the tables. Throws BINGO_STORE_URL_INVALID.
 */
export function createEventStore<E extends DomainEvent = DomainEvent>(
  url: string,
  { clock = systemClock, create = true }: EventStoreOptions = {},
): EventStore<E> {
  const { description, open } = placeOf(url, create)
  return new StoredStreams(description, open, clock) as unknown as EventStore<E>
}

interface Place {
  readonly description: string
  readonly open: () => Promise<StreamStorage>
}

function placeOf(url: string, create: boolean): Place {
  if (url === 'memory:') return sqlite(url, ':memory:', create)
  const file = /^file:(?!\/\/[^/])(?:\/\/)?(.+)$/.exec(url)
  if (file !== null) return sqlite(url, decodeURI(file[1]!), create)
  throw new BingoError('BINGO_STORE_URL_INVALID', 'This is not the address of an event store', {
    hint: 'Write file:/var/lib/app/events.db, or memory: for tests.',
  })
}

function sqlite(description: string, path: string, create: boolean): Place {
  return {
    description,
    open: async () => (await import('./sqlite/storage.ts')).openSqliteStreams(path, create),
  }
}
