import { randomUUID } from 'node:crypto'
import type { JetStreamPublishOptions } from '@nats-io/jetstream'
import { newHeaders } from '../../clients/nats/nats.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import { indexMismatch } from '../errors.ts'
import { EngineMoved } from '../indexed/contract.ts'
import type { Engine } from '../indexed/contract.ts'
import { APPENDED_AT, entryOf, IN_INDEX, INDEX, markOf, PLACE } from '../indexed/entry.ts'
import type { Mark } from '../indexed/entry.ts'
import { partitionOf } from '../indexed/partition.ts'
import type { NatsAddress } from './address.ts'
import type { StreamConnection } from './connection.ts'
import { ANSWER_MS, KeptStream } from './kept-stream.ts'

/** Messages given to a reader at once, by number and by bytes. */
const PAGE = 256
const PAGE_BYTES = 8 << 20
/** Subjects that keys are spread over, so that others can read a share of the stream. */
const PARTITIONS = 16
/** What headers and subject take of a message, at most. */
const HEADER_BYTES = 1_024
/** The stream does not end with the sequence, or the id, that is expected. */
const NOT_BEHIND: readonly unknown[] = [10071, 10164, 10070]

const NOTHING = { upTo: 0, newest: 0 }

interface Found {
  readonly seq: number
  readonly mark: Mark
  readonly entry: LogEntry | null
}

/**
 * A stream of NATS JetStream. Each message is published on the condition that the stream ends with the one before it: the
 * first of a batch by its sequence, the others by its id, so that where one fails, those behind it fail as well. So nothing
 * is there twice or out of order, whoever else appends, and whatever was repeated after a lost answer. Readers ask for
 * messages by sequence: there is no consumer whose redelivery could change the order.
 */
export class NatsEngine implements Engine {
  readonly description: string
  readonly durability: 'server' | 'fsync'
  readonly #address: NatsAddress
  readonly #stream: KeptStream
  /** Sequence of the last message in the stream, as the last call found it. */
  #lastSeq = 0
  /** Sequence minus place, of what was appended or read last: it grows with each message of somebody else. */
  #ahead: number | null = null

  constructor(address: NatsAddress) {
    this.#address = address
    this.#stream = new KeptStream(address, moved)
    this.description = address.printable
    this.durability = address.syncsAlways ? 'fsync' : 'server'
  }

  last(index: string): ReturnType<Engine['last']> {
    return this.#stream.use(async (connection) => {
      const { state } = await connection.manager.streams.info(this.#address.stream)
      this.#lastSeq = state.last_seq
      if (state.messages === 0) return NOTHING
      for (let from = state.last_seq; from >= state.first_seq; from -= PAGE) {
        const page = await this.#page(connection, Math.max(state.first_seq, from - PAGE + 1))
        // What was appended since is not behind `last_seq`.
        const found = page.findLast(({ seq }) => seq <= from)
        if (found === undefined) continue
        if (found.mark.index !== index) throw indexMismatch(this.description, 'other')
        this.#ahead = found.seq - found.mark.place
        return { upTo: found.mark.place, newest: found.mark.place }
      }
      return NOTHING
    })
  }

  append(index: string, entries: readonly LogEntry[]): Promise<void> {
    return this.#stream.use(async (connection) => {
      const before = this.#lastSeq
      // Of this attempt alone: the server drops what it has seen under an id, also when it has lost it since.
      const batch = randomUUID()
      const published = await Promise.allSettled(
        entries.map((entry, i) => {
          const behind = i === 0 ? { lastSequence: before } : { lastMsgID: `${batch}:${i - 1}` }
          return this.#publish(connection, index, entry, { msgID: `${batch}:${i}`, expect: behind })
        }),
      )
      const failed = published.find((each) => each.status === 'rejected')
      if (failed !== undefined) throw failed.reason
      this.#lastSeq = before + entries.length
      this.#ahead = this.#lastSeq - Number(entries.at(-1)!.place)
    })
  }

  read(index: string, after: number): Promise<readonly LogEntry[]> {
    return this.#stream.use(async (connection) => {
      const found = await this.#page(connection, Math.max(1, after + 1 + (this.#ahead ?? 0)))
      const last = found.at(-1)
      if (last !== undefined) this.#ahead = last.seq - last.mark.place
      const ours = found.filter(({ mark }) => mark.index === index && mark.place > after)
      return ours.flatMap(({ entry }) => (entry === null ? [] : [entry]))
    })
  }

  trim(upTo: number): Promise<void> {
    return this.#stream.use(async ({ manager }) => {
      if (this.#ahead === null) return
      // Messages of others came in between: those before them have a lower sequence.
      const seq = upTo + 1 + Math.min(this.#ahead, 0)
      // Without a sequence to stop at, the server removes everything.
      if (seq > 1) await manager.streams.purge(this.#address.stream, { seq })
    })
  }

  close(): Promise<void> {
    return this.#stream.close()
  }

  async #publish(
    { jetstream, mostBytes }: StreamConnection,
    index: string,
    { id, key, place, payload, appendedAt }: LogEntry,
    { msgID, expect }: Pick<JetStreamPublishOptions, 'msgID' | 'expect'>,
  ): Promise<void> {
    const { stream } = this.#address
    const headers = newHeaders()
    headers.set(INDEX, index)
    headers.set(PLACE, place)
    headers.set(APPENDED_AT, String(appendedAt))
    const isTooLarge = payload.byteLength + HEADER_BYTES > mostBytes
    if (isTooLarge) headers.set(IN_INDEX, 'true')
    await jetstream.publish(`${stream}.${partitionOf(key ?? id, PARTITIONS)}`, isTooLarge ? undefined : payload, {
      headers,
      timeout: ANSWER_MS,
      msgID,
      expect: { streamName: stream, ...expect },
    })
  }

  /** The entries among the messages that begin with this sequence. */
  async #page({ manager }: StreamConnection, seq: number): Promise<Found[]> {
    const found: Found[] = []
    const gather = async (): Promise<void> => {
      const options = { seq, batch: PAGE, max_bytes: PAGE_BYTES }
      for await (const message of await manager.direct.getBatch(this.#address.stream, options)) {
        const mark = markOf((name) => message.header.get(name))
        if (mark === null) continue
        const isInIndex = message.header.has(IN_INDEX)
        const entry = isInIndex ? null : entryOf(mark, message.data)
        if (isInIndex || entry !== null) found.push({ seq: message.seq, mark, entry })
      }
    }
    await gather().catch((error: unknown) => {
      // Nothing is there any more, or yet.
      if (!isNotFound(error)) throw error
    })
    return found
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : null
}

function moved(error: unknown): Error | null {
  if (!NOT_BEHIND.includes(codeOf(error))) return null
  return new EngineMoved('another instance has appended', { cause: error })
}

function isNotFound(error: unknown): boolean {
  return codeOf(error) === 404
}
