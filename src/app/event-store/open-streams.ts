import { hostname } from 'node:os'
import { createEventStore } from '../../event-store/create.ts'
import { STREAMS_POSITIONS, streamsFeed } from '../../event-store/rule-feed.ts'
import type { Clock } from '../../model/clock.ts'
import type { StreamSink } from '../../model/event/stream-sink.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Source } from '../../model/source/source.ts'
import { FeedSource } from '../../sources/feed/feed-source.ts'
import type { EventStoreConfig } from '../config/config.ts'
import { STREAMS_SOURCE } from '../config/sources.ts'
import type { NamedSource } from '../open-sources.ts'

/** The event store of a running instance. */
export interface RunningStreams {
  /** Takes the events that rules append. */
  readonly sink: StreamSink
  /** Its events for rules; null where nobody wants them. */
  readonly source: NamedSource | null
  close(): Promise<void>
}

/** Nothing is opened before its first use. Throws BINGO_STORE_URL_INVALID. */
export function openStreams(
  { url, follow }: EventStoreConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): RunningStreams {
  const store = createEventStore(url, { clock, exactNumbers: true })
  const close = (): Promise<void> => store.close()
  if (follow === 'off') return { sink: store as StreamSink, source: null, close }
  const source = new FeedSource({
    name: STREAMS_SOURCE,
    what: 'the event store',
    feed: streamsFeed({ store, start: follow, instanceId: hostname() }),
    positions: STREAMS_POSITIONS,
    clock,
    log,
  })
  return { sink: store, source: { name: STREAMS_SOURCE, custom: source as unknown as Source<object> }, close }
}
