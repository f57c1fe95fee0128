import type { EventSchemas } from '../../model/event/posted/event-schemas.ts'
import type { OpenBrokers } from '../brokers/open-brokers.ts'
import type { Config } from '../config/config.ts'
import type { RunningStreams } from '../event-store/open-streams.ts'
import type { OpenEventsDeps, RunningEvents } from '../events/open-events.ts'
import type { OpenParts } from '../open-parts.ts'
import type { NamedSource } from '../open-sources.ts'
import { openPolledOutboxes } from '../outbox/polled-outboxes.ts'
import type { DaemonDeps } from './daemon-contract.ts'

export interface FurtherDeps {
  readonly config: Config
  readonly deps: DaemonDeps
  readonly skipped: OpenEventsDeps['skipped']
  /** Of the rules in force. */
  readonly schemas: () => EventSchemas | undefined
}

/** What a daemon reads beside the binlogs of its servers. */
export interface FurtherSources {
  readonly events: RunningEvents | null
  readonly streams: RunningStreams | null
  readonly sources: readonly NamedSource[]
}

/** Nothing of it is read yet. What an instance for rows alone does not need is not loaded there. */
export async function openFurther(opened: OpenParts, further: FurtherDeps): Promise<FurtherSources> {
  const { config, deps } = further
  const events = opened.add(await eventsOf(further))
  const streams = opened.add(await streamsOf(config, deps))
  const polled = opened.add((await openPolledOutboxes(config, { ...deps, env: process.env })) ?? null)
  const brokers = opened.add(await brokersOf(config, deps))
  const sources = [events?.source, streams?.source, ...(polled?.sources ?? []), ...(brokers?.sources ?? [])]
  return { events, streams, sources: sources.filter((source) => source != null) }
}

async function eventsOf({ config, deps, skipped, schemas }: FurtherDeps): Promise<RunningEvents | null> {
  const { name, events } = config
  if (events === null) return null
  const { openEvents } = await import('../events/open-events.ts')
  return openEvents({ ...deps, name, config: events, counters: deps.stats.events!, skipped, schemas })
}

async function brokersOf(config: Config, deps: DaemonDeps): Promise<OpenBrokers | null> {
  if (config.brokers.length === 0) return null
  const { openBrokers } = await import('../brokers/open-brokers.ts')
  return openBrokers(config, { ...deps, env: process.env })
}

async function streamsOf({ eventStore }: Config, deps: DaemonDeps): Promise<RunningStreams | null> {
  if (eventStore === null) return null
  const { openStreams } = await import('../event-store/open-streams.ts')
  return openStreams(eventStore, deps)
}
