import type { EventEnvelope } from '../../../src/model/event/posted/event-record.ts'
import type { LogEntry, Place, ReadOptions } from '../../../src/model/state/event-log.ts'
import type { EventProvider, NewEvent, Posted, PostOptions } from '../../../src/model/state/event-provider.ts'

export interface ProviderSetup {
  readonly maxEvents?: number
  readonly maxBytes?: number
  readonly idRetentionMs?: number
  readonly now?: () => number
}

/** Opens an empty store. */
export type OpenProvider = (setup?: ProviderSetup) => Promise<EventProvider>

/** What the tests post at, where the time does not matter. */
export const NOW = 1_700_000_000_000

/** `overrides` are what its sender gave. */
export function newEvent(id: number | string, overrides: Partial<EventEnvelope> = {}): NewEvent {
  const event: EventEnvelope = {
    id: String(id),
    type: 'orders.order.create',
    source: 'api',
    key: null,
    payload: { id },
    context: {},
    metadata: {},
    userId: null,
    sessionId: null,
    accountId: null,
    instanceId: 'test',
    environment: 'default',
    correlationId: null,
    causationId: null,
    traceparent: null,
    hops: 0,
    timestamp: NOW,
    deliverAt: null,
    isTest: false,
    ...overrides,
  }
  const sent = new Set<keyof EventEnvelope>([
    'id',
    'type',
    'payload',
    ...(Object.keys(overrides) as (keyof EventEnvelope)[]),
  ])
  return { event, sent }
}

export const newEvents = (from: number, to: number): NewEvent[] =>
  Array.from({ length: to - from }, (_, i) => newEvent(from + i))

export function post(
  provider: EventProvider,
  events: readonly NewEvent[],
  options: Partial<PostOptions> = {},
): Promise<readonly Posted[]> {
  return provider.post(events, { now: NOW, onConflict: 'keep', ...options })
}

/** What is in the log, up to the last entry. */
export async function entriesOf(
  { log }: Pick<EventProvider, 'log'>,
  from: Place | null = null,
  options: Partial<ReadOptions> = {},
): Promise<LogEntry[]> {
  const { last } = await log.stats()
  const entries: LogEntry[] = []
  if (last === null) return entries
  const { signal } = new AbortController()
  for await (const entry of log.read(from, { until: last, signal, ...options })) entries.push(entry)
  return entries
}

export const ids = (entries: readonly { readonly id: string }[]): string[] => entries.map(({ id }) => id)

export async function placesOf(provider: EventProvider): Promise<Place[]> {
  return (await entriesOf(provider)).map(({ place }) => place)
}
