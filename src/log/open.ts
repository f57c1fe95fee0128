import { join } from 'node:path'
import { parseFileUrl } from '../clients/file-url.ts'
import type { Clock } from '../model/clock.ts'
import { systemClock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { EventProvider } from '../model/state/event-provider.ts'
import type { Bounds } from './posting.ts'

export interface EventProviderOptions {
  /** Instance name: a file in a folder is called after it, and instances that share a server are told apart by it. */
  readonly name: string
  /** Events that are stored at most, waiting and ended ones included. Default: 100,000 in memory, else 50 million. */
  readonly maxEvents?: number | undefined
  /** Of their JSON. Default: 64 MiB in memory, else 64 GiB. */
  readonly maxBytes?: number | undefined
  /** For how long an id is remembered at least (not in memory). Default: 7 days. */
  readonly idRetentionMs?: number | undefined
  readonly clock?: Clock | undefined
}

const IN_MEMORY: Bounds = { maxEvents: 100_000, maxBytes: 64 << 20 }
const ON_DISK: Bounds = { maxEvents: 50_000_000, maxBytes: 2 ** 36 }
const ID_RETENTION_MS = 7 * 24 * 3_600_000

const HINT =
  'Write file:/var/lib/bingo/events, mysql://user:password@host:3306/database, mariadb://…, postgres://… or memory:'
/** Known to be meant, by scheme. */
const MEANT: readonly (readonly [RegExp, string])[] = [
  [/^(rediss?|sentinel|valkeys?)(\+\w+)?:/i, 'Redis is not available yet as a store of events'],
  [/^(nats|tls|wss?):/i, 'NATS is not available yet as a store of events'],
  [/^kafka:/i, 'Kafka is not available yet as a store of events'],
  [/^sqlite3?:/i, 'the scheme of an SQLite file is file:'],
  [/^mem(ory)?:/i, 'write memory: without anything behind it'],
  [/^file:/i, 'the path is missing, has a host or an invalid escape'],
  [/^(pg|pgsql|postgre|cockroachdb):/i, 'the scheme of PostgreSQL is postgres://'],
  [/^https?:/i, 'this is the address of a web server'],
]

/**
 * Opens what `events.store` names: `memory:`, `file:PATH`, `mysql://`, `mariadb://` or `postgres://`. Nothing is read yet;
 * a server or file that is out of reach is reported by the first use. Rejects with BINGO_EVENTS_STORE_INVALID. Clients of
 * servers are loaded when one is named.
 */
export async function openEventProvider(url: string, options: EventProviderOptions): Promise<EventProvider> {
  const { name, idRetentionMs = ID_RETENTION_MS, clock = systemClock } = options
  const bounds = (defaults: Bounds): Bounds => ({
    maxEvents: options.maxEvents ?? defaults.maxEvents,
    maxBytes: options.maxBytes ?? defaults.maxBytes,
  })
  if (url === 'memory:') {
    const { MemoryEventProvider } = await import('./memory/event-provider.ts')
    return new MemoryEventProvider(bounds(IN_MEMORY))
  }
  const file = parseFileUrl(url)
  if (file !== null) {
    const { SqliteEventProvider } = await import('./sqlite/event-provider.ts')
    const path = file.isFolder ? join(file.path, `${name.replaceAll(/[^\w.-]/g, '_')}.events`) : file.path
    return new SqliteEventProvider({ path, idRetentionMs, clock, ...bounds(ON_DISK) })
  }
  if (/^(mysql|mariadb|postgres|postgresql):\/\//i.test(url)) {
    const { parseSqlAddress } = await import('./sql/address.ts')
    const address = parseSqlAddress(url)
    const { SqlEventProvider } = await import('./sql/event-provider.ts')
    return new SqlEventProvider({ address, name, idRetentionMs, clock, ...bounds(ON_DISK) })
  }
  throw invalidStore(MEANT.find(([scheme]) => scheme.test(url))?.[1] ?? 'its scheme is not known')
}

function invalidStore(why: string): BingoError {
  return new BingoError('BINGO_EVENTS_STORE_INVALID', `events.store is not the address of a store: ${why}`, {
    hint: HINT,
  })
}
