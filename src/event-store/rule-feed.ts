import { BingoError } from '../model/errors.ts'
import type { Value } from '../model/event/change.ts'
import { encodeEnvelope } from '../model/event/forms/event-codec.ts'
import type { EventEnvelope } from '../model/event/posted/event-record.ts'
import { DEFAULT_ENVIRONMENT, PostedEvent } from '../model/event/posted/posted-event.ts'
import type { Positions } from '../model/source/source.ts'
import type { Feed, FeedGroup } from '../sources/feed/feed.ts'
import type { EventStore, RecordedEvent } from './contract.ts'

/** Behind which event reading goes on. `inBinlog`: what follows comes from a binlog. */
export interface StreamsPosition {
  readonly after: bigint
  readonly inBinlog?: true
}

const IN_BINLOG = ' binlog'

export const STREAMS_POSITIONS: Positions<StreamsPosition> = {
  print: ({ after, inBinlog }) => `${after}${inBinlog === true ? IN_BINLOG : ''}`,
  parse: (text) => {
    const [, after, inBinlog] = /^(\d{1,19})( binlog)?$/.exec(text) ?? []
    if (after !== undefined) return { after: BigInt(after), ...(inBinlog !== undefined && { inBinlog: true }) }
    const message = `The stored position ${JSON.stringify(text)} is not a global position`
    throw new BingoError('BINGO_CHECKPOINT_CORRUPT', message, {
      hint: 'Run `bingo position set earliest --source event-store` to read all events again.',
    })
  },
}

export interface StreamsFeedOptions {
  readonly store: EventStore
  /** Of a first start. */
  readonly start: 'earliest' | 'latest'
  /** The instance of BinGo that reads. */
  readonly instanceId: string
}

/** The events of an event store for rules, in the order of their global positions. */
export function streamsFeed({ store, start, instanceId }: StreamsFeedOptions): Feed<StreamsPosition> {
  return {
    description: store.description,
    begin: async () => ({ after: start === 'earliest' ? 0n : await store.lastPosition() }),
    async *read({ after }, signal, idle) {
      for await (const event of store.subscribe({ from: after, signal, onIdle: idle })) {
        yield groupOf(event, instanceId)
      }
    },
  }
}

/** What an event holds in memory while its actions run, per byte of its JSON. */
const HELD_PER_BYTE = 3

/** One event by itself. */
export function groupOf(event: RecordedEvent, instanceId: string): FeedGroup<StreamsPosition> {
  const envelope = storedEnvelope(event, instanceId)
  return {
    id: event.id,
    at: envelope.timestamp,
    changes: (transaction) => {
      const heldBytes = encodeEnvelope(envelope).byteLength * HELD_PER_BYTE
      return [new PostedEvent(envelope, transaction, 0, heldBytes)]
    },
    end: { after: event.globalPosition },
  }
}

/** What rules see of it: its stream is what order is kept for. */
export function storedEnvelope(event: RecordedEvent, instanceId: string): EventEnvelope {
  const { id, type, stream, version, globalPosition, payload, source, userId, correlationId, causationId } = event
  return {
    id,
    type,
    source: source ?? 'event-store',
    key: stream,
    payload: payload as Value,
    context: {},
    metadata: { stream, version, position: String(globalPosition) },
    userId,
    sessionId: null,
    accountId: null,
    instanceId,
    environment: DEFAULT_ENVIRONMENT,
    correlationId,
    causationId,
    traceparent: null,
    hops: hopsOf(id),
    timestamp: Date.parse(event.timestamp),
    deliverAt: null,
    isTest: false,
  }
}

/** Ids of events that rules append end in how many rules they came through (targets/event/stream-target.ts). */
function hopsOf(id: string): number {
  return Number(/^[0-9a-f]{32}-(\d{1,4})$/.exec(id)?.[1] ?? 0)
}
