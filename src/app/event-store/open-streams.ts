import { hostname } from 'node:os'
import { parseSqlAddress } from '../../clients/sql/address.ts'
import { openStoredStreams } from '../../event-store/create.ts'
import type { StoredStreams } from '../../event-store/event-store.ts'
import {
  groupOf,
  requireRead,
  STREAMS_POSITIONS,
  streamsFeed,
  type StreamsPosition,
} from '../../event-store/rule-feed.ts'
import type { SourceEntry } from '../../flow/reading/reading.ts'
import { aborted } from '../../model/aborted.ts'
import type { Clock } from '../../model/clock.ts'
import type { StreamSink } from '../../model/event/posted/stream-sink.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { Feed } from '../../sources/feed/feed.ts'
import { FeedSource } from '../../sources/feed/feed-source.ts'
import type { EventStoreConfig } from '../config/config.ts'
import { STREAMS_SOURCE } from '../config/sources.ts'
import type { LoadedSources, NamedSource } from '../open-sources.ts'
import { streamsRule } from './binlog-rule.ts'
import { Handover } from './handover.ts'

/** The event store of a running instance. */
export interface RunningStreams {
  /** Takes the events that rules append. */
  readonly sink: StreamSink
  /** Its events for rules; null where nobody wants them. */
  readonly source: NamedSource | null
  /** With the rule that takes its events from a binlog, where they come from there. */
  withRule(rules: RuleSet): RuleSet
  /** Before anything is read. */
  begin(loaded: LoadedSources, entries: readonly SourceEntry<object>[]): void
  close(): Promise<void>
}

export interface StreamsDeps {
  readonly clock: Clock
  readonly log: Log
}

/** Nothing is opened before its first use. Throws BINGO_STORE_URL_INVALID. */
export function openStreams({ url, follow, read }: EventStoreConfig, deps: StreamsDeps): RunningStreams {
  const store = openStoredStreams(url, { clock: deps.clock, exactNumbers: true })
  const instanceId = hostname()
  const feed = follow === 'off' ? null : streamsFeed({ store, start: follow, instanceId })
  if (feed === null || read === 'sql') return new Streams(store, feed, null, null, deps)
  const handover = new Handover(deps.clock)
  const rule = streamsRule(parseSqlAddress(url).database, instanceId, (position) => handover.isInBinlog(position))
  return new Streams(store, feedUpTo(store, feed, handover, instanceId, deps.clock), rule, handover, deps)
}

class Streams implements RunningStreams {
  readonly sink: StreamSink
  readonly source: NamedSource | null
  private readonly store: StoredStreams
  private readonly rule: Rule | null
  private readonly handover: Handover | null

  constructor(
    store: StoredStreams,
    feed: Feed<StreamsPosition> | null,
    rule: Rule | null,
    handover: Handover | null,
    { clock, log }: StreamsDeps,
  ) {
    this.store = store
    this.sink = store as StreamSink
    this.rule = rule
    this.handover = handover
    const what = { name: STREAMS_SOURCE, what: 'the event store', positions: STREAMS_POSITIONS, clock, log }
    const source = feed && new FeedSource({ ...what, feed })
    this.source = source && { name: STREAMS_SOURCE, custom: source }
  }

  withRule(rules: RuleSet): RuleSet {
    return this.rule === null ? rules : { ...rules, rules: [...rules.rules, this.rule] }
  }

  begin({ sources }: LoadedSources, entries: readonly SourceEntry<object>[]): void {
    const servers = new Set(sources.flatMap(({ source }) => ('mysql' in source ? [source.name] : [])))
    const stored = sources.find(({ source }) => source.name === STREAMS_SOURCE)?.stored ?? null
    const position = stored && STREAMS_POSITIONS.parse(stored.position)
    this.handover?.begin(
      entries.map(({ source }) => source).filter(({ name }) => servers.has(name)),
      position?.inBinlog === true ? position.after : null,
    )
  }

  close(): Promise<void> {
    return this.store.close()
  }
}

/** What is there before the binlog takes over. */
function feedUpTo(
  store: StoredStreams,
  feed: Feed<StreamsPosition>,
  handover: Handover,
  instanceId: string,
  clock: Clock,
): Feed<StreamsPosition> {
  return {
    description: feed.description,
    begin: () => feed.begin(),
    async *read(position, signal, idle) {
      await requireRead(store, position)
      const { after, inBinlog } = position
      const end = inBinlog === true ? after : await handover.take(store, signal)
      if (end === null) return
      if (inBinlog !== true) {
        let { id } = position
        for await (const event of store.readAll({ from: after })) {
          if (event.globalPosition > end) break
          id = event.globalPosition === end ? event.id : undefined
          yield groupOf(event, instanceId)
        }
        const place: StreamsPosition = { after: end, id, inBinlog: true }
        yield { id: `event store ${end}`, at: clock.now(), changes: () => [], end: place }
        handover.goOn()
      }
      idle()
      await aborted(signal)
    },
  }
}
