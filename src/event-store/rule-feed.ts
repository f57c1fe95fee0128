import { BingoError } from '../model/errors.ts'
import { storeReplaced } from './errors.ts'
import type { Value } from '../model/event/row.ts'
import { encodeEnvelope } from '../model/event/forms/event-codec.ts'
import type { EventEnvelope } from '../model/event/posted/event-record.ts'
import { DEFAULT_ENVIRONMENT, PostedEvent } from '../model/event/posted/posted-event.ts'
import type { Positions } from '../model/source/source.ts'
import type { Feed, FeedGroup } from '../sources/feed/feed.ts'
import type { EventStore, RecordedEvent } from './contract.ts'

/** Behind which event reading goes on. `inBinlog`: what follows comes from a binlog. */
export interface StreamsPosition {
  readonly after: bigint
  /** Of the event there, where it was read. */
  readonly id?: string | undefined
  readonly inBinlog?: true
}

const IN_BINLOG = ' binlog'
const ID = ' id='

export const STREAMS_POSITIONS: Positions<StreamsPosition> = {
  print: ({ after, id, inBinlog }) =>
    `${after}${inBinlog === true ? IN_BINLOG : ''}${id === undefined ? '' : `${ID}${id}`}`,
  parse: (text) => {
    const [, after, inBinlog, id] = /^(\d{1,19})( binlog)?(?: id=(.+))?$/s.exec(text) ?? []
    if (after !== undefined) return { after: BigInt(after), id, ...(inBinlog !== undefined && { inBinlog: true }) }
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
    async *read(position, signal, idle) {
      await requireRead(store, position)
      const { after } = position
      for await (const event of store.subscribe({ from: after, signal, onIdle: idle })) {
        yield groupOf(event, instanceId)
      }
    },
  }
}

/**
 * The event that was read last is where it was. In another store, and in one that was emptied or restored, what lies before its
 * position would never be read. Rejects with BINGO_STORE_REPLACED.
 */
export async function requireRead(store: EventStore, { after, id }: StreamsPosition): Promise<void> {
  if (after === 0n) return
  const there = await eventAt(store, after)
  if (there === null) {
    // One event may have been erased.
    const newest = await store.lastPosition()
    if (newest < after) throw storeReplaced(store.description, after, `it ends at position ${newest}`)
  } else if (id !== undefined && there.id !== id) {
    throw storeReplaced(store.description, after, `the event at that position is ${there.id}, and ${id} was read there`)
  }
}

async function eventAt(store: EventStore, position: bigint): Promise<RecordedEvent | null> {
  for await (const event of store.readAll({ from: position - 1n, max: 1 })) {
    if (event.globalPosition === position) return event
  }
  return null
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
    end: { after: event.globalPosition, id: event.id },
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
