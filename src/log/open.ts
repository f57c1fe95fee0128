import type { Clock } from '../model/clock.ts'
import { systemClock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Log } from '../model/rule/action.ts'
import { silentLog } from '../model/silent-log.ts'
import type { EventProvider } from '../model/state/event-provider.ts'
import type { Engine, Index, PagesFrom } from './indexed/contract.ts'
import type { Bounds } from './posting.ts'
import { StoreAddressError } from './store-address-error.ts'
import { eventsFilePath, parseStoreAddress } from './store-address.ts'
import type { StoreAddress } from './store-address.ts'

export interface EventProviderOptions {
  /** Instance name: a file in a folder is called after it, and instances that share a server are told apart by it. */
  readonly name: string
  /** Events that are stored at most, waiting and ended ones included. Default: 100,000 in memory, 10 million in Redis, else 50 million. */
  readonly maxEvents?: number | undefined
  /** Of their JSON. Default: 64 MiB in memory, 4 GiB in Redis, else 64 GiB. */
  readonly maxBytes?: number | undefined
  /** For how long an id is remembered at least (not in memory). Default: 7 days. */
  readonly idRetentionMs?: number | undefined
  readonly clock?: Clock | undefined
  /** What stands beside a store that cannot look up, delay or deduplicate: `file:PATH`, `mysql://`, `mariadb://` or `postgres://`. */
  readonly index?: string | undefined
  readonly log?: Log | undefined
}

const IN_MEMORY: Bounds = { maxEvents: 100_000, maxBytes: 64 << 20 }
const ON_DISK: Bounds = { maxEvents: 50_000_000, maxBytes: 2 ** 36 }
const IN_REDIS: Bounds = { maxEvents: 10_000_000, maxBytes: 4 * 2 ** 30 }
const ID_RETENTION_MS = 7 * 24 * 3_600_000

/**
 * Opens what `events.store` names: `memory:`, `file:PATH`, `mysql://`, `mariadb://`, `postgres://`, `redis://`, `nats://` or
 * `kafka://`. A server or file that is out of reach is reported by the first use. Rejects with BINGO_EVENTS_STORE_INVALID, or
 * BINGO_LOG_UNSAFE for a Redis that would lose events. Clients of servers are loaded when one is named.
 */
export async function openEventProvider(url: string, options: EventProviderOptions): Promise<EventProvider> {
  const address = parseStoreAddress(url)
  switch (address.tag) {
    case 'memory': {
      const { MemoryEventProvider } = await import('./memory/event-provider.ts')
      return new MemoryEventProvider(boundsOf(options, IN_MEMORY))
    }
    case 'file':
    case 'server':
      return (await indexOpener(address, options))()
    case 'nats': {
      const openIndex = await openerBeside(url, options)
      const { NatsEngine } = await import('./nats/engine.ts')
      return beside(new NatsEngine(address.stream), openIndex)
    }
    case 'redis': {
      const { RedisEventProvider } = await import('./redis/event-provider.ts')
      const { name, idRetentionMs = ID_RETENTION_MS, clock = systemClock, log = silentLog } = options
      const kept = { name, idRetentionMs, clock, log, ...boundsOf(options, IN_REDIS) }
      const provider = new RedisEventProvider({ address: address.redis, ...kept })
      await provider.check().catch(async (error: unknown) => {
        if (error instanceof BingoError && error.retryable) return
        await provider.close()
        throw error
      })
      return provider
    }
    case 'kafka': {
      const openIndex = await openerBeside(url, options)
      const { KafkaEngine } = await import('./kafka/engine.ts')
      return beside(new KafkaEngine(address.topic), openIndex)
    }
  }
}

type OpenIndex = (pages?: PagesFrom) => Index

async function beside(engine: Engine, openIndex: OpenIndex): Promise<EventProvider> {
  const { IndexedEventProvider } = await import('./indexed/event-provider.ts')
  return new IndexedEventProvider(engine, openIndex)
}

async function openerBeside(url: string, options: EventProviderOptions): Promise<OpenIndex> {
  const { index } = options
  const scheme = url.slice(0, url.indexOf(':'))
  const hint =
    'Set events.index to file:/var/lib/bingo/events, or to a mysql:// or postgres:// that all instances share.'
  if (index === undefined) throw new StoreAddressError(`${scheme}:// needs events.index beside it`, hint)
  const address = parseStoreAddress(index)
  if (address.tag === 'file' || address.tag === 'server') return indexOpener(address, options)
  throw new StoreAddressError(`${index.slice(0, index.indexOf(':'))}: is not an events.index`, hint)
}

/** Loads what opens a store that is complete by itself. */
async function indexOpener(
  address: StoreAddress & { readonly tag: 'file' | 'server' },
  options: EventProviderOptions,
): Promise<OpenIndex> {
  const { name, idRetentionMs = ID_RETENTION_MS, clock = systemClock } = options
  const common = { name, idRetentionMs, clock, ...boundsOf(options, ON_DISK) }
  if (address.tag === 'server') {
    const { SqlEventProvider } = await import('./sql/event-provider.ts')
    return (pages) => new SqlEventProvider({ ...common, address: address.server, pages })
  }
  const { SqliteEventProvider } = await import('./sqlite/event-provider.ts')
  const path = eventsFilePath(address, name)
  return (pages) => new SqliteEventProvider({ ...common, path, pages })
}

function boundsOf({ maxEvents, maxBytes }: EventProviderOptions, defaults: Bounds): Bounds {
  return { maxEvents: maxEvents ?? defaults.maxEvents, maxBytes: maxBytes ?? defaults.maxBytes }
}
