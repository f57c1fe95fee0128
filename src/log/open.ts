import { join } from 'node:path'
import type { Clock } from '../model/clock.ts'
import { systemClock } from '../model/clock.ts'
import type { EventProvider } from '../model/state/event-provider.ts'
import type { Bounds } from './posting.ts'
import { parseStoreAddress } from './store-address.ts'

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
  const address = parseStoreAddress(url)
  switch (address.tag) {
    case 'memory': {
      const { MemoryEventProvider } = await import('./memory/event-provider.ts')
      return new MemoryEventProvider(bounds(IN_MEMORY))
    }
    case 'file': {
      const { SqliteEventProvider } = await import('./sqlite/event-provider.ts')
      const path = address.isFolder ? join(address.path, `${name.replaceAll(/[^\w.-]/g, '_')}.events`) : address.path
      return new SqliteEventProvider({ path, idRetentionMs, clock, ...bounds(ON_DISK) })
    }
    case 'server': {
      const { SqlEventProvider } = await import('./sql/event-provider.ts')
      return new SqlEventProvider({ address: address.server, name, idRetentionMs, clock, ...bounds(ON_DISK) })
    }
  }
}
