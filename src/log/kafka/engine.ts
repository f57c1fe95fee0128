import { Utf8Bytes } from '../../model/event/bytes/content.ts'
import type { LogEntry } from '../../model/state/event-log.ts'
import { headerBytes } from '../../clients/kafka/record-batch.ts'
import { murmur2 } from '../../clients/kafka/murmur2.ts'
import { indexMismatch } from '../errors.ts'
import type { Engine } from '../indexed/contract.ts'
import { APPENDED_AT, entryOf, IN_INDEX, INDEX, markOf, PLACE } from '../indexed/entry.ts'
import type { KafkaAddress } from './address.ts'
import { Cursors } from './cursors.ts'
import type { Placed } from './cursors.ts'
import { KeptTopic } from './kept-topic.ts'
import type { OpenTopic } from './topic.ts'
import type { FetchedRecord } from './topic.ts'

/** Entries that are given to a reader at once. */
const PAGE = 256
/** That are sent at once: so many may be there in part when that is cut off. */
const CHUNK = 1_500
/** Looked at, at the end of each partition, for how far the last chunk came. */
const TAIL = 4_096n
/** What headers and key take of a record, and a batch of all of them. */
const RECORD_BYTES = 512
const ONLY_IN_INDEX = headerBytes(IN_INDEX, 'true')
/** Fetches of one read, before the index is asked for what does not come. */
const ROUNDS = 50

/**
 * A topic of Kafka, keyed by the event's key, else its id. Partitions have no order among each other: the place in
 * each record has, and readers merge by it. What is there twice (a repeated append, two instances of which both sent it)
 * has the same place, and is read once. Readers fetch by offset: there is no consumer group whose rebalance could give
 * work to two, and no offset but that of the index.
 */
export class KafkaEngine implements Engine {
  readonly description: string
  readonly durability: 'server' | 'fsync'
  readonly #topic: KeptTopic
  readonly #cursors = new Cursors()
  /** Places behind `upTo` of `last` that are there already: of an append that was cut off. */
  #present: ReadonlySet<number> = new Set()

  constructor(address: KafkaAddress) {
    this.description = address.printable
    this.#topic = new KeptTopic(address)
    this.durability = address.syncsAlways ? 'fsync' : 'server'
  }

  last(index: string): ReturnType<Engine['last']> {
    return this.#use(async (topic) => {
      const places = new Set((await this.#tail(topic, index)).map(({ place }) => place))
      let newest = 0
      for (const place of places) newest = Math.max(newest, place)
      // One chunk at a time: what is before the last one is complete.
      let upTo = Math.max(0, newest - CHUNK)
      while (places.has(upTo + 1)) upTo += 1
      this.#present = places
      return { upTo, newest }
    })
  }

  append(index: string, entries: readonly LogEntry[]): Promise<void> {
    return this.#use(async (topic) => {
      const missing = entries.filter(({ place }) => !this.#present.has(Number(place)))
      let chunk: LogEntry[] = []
      let bytes = 0
      for (const entry of missing) {
        const more = Math.min(entry.payload.byteLength, topic.mostBytes) + RECORD_BYTES
        if (chunk.length === CHUNK || (chunk.length > 0 && bytes + more > topic.mostBytes)) {
          await this.#send(topic, index, chunk)
          chunk = []
          bytes = 0
        }
        chunk.push(entry)
        bytes += more
      }
      if (chunk.length > 0) await this.#send(topic, index, chunk)
    })
  }

  read(index: string, after: number): Promise<readonly LogEntry[]> {
    return this.#use(async (topic) => {
      const offsets = [...(this.#cursors.upTo(after) ?? (await topic.earliest()))]
      const found = new Map<number, Placed>()
      for (let round = 0; round < ROUNDS && !found.has(after + 1); round++) {
        const { records, next } = await topic.fetch(offsets)
        for (const record of records) {
          const placed = placedOf(record)
          if (placed === null || placed.index !== index || placed.place <= after) continue
          if (!found.has(placed.place)) found.set(placed.place, placed)
        }
        if (next.every((offset, partition) => offset === offsets[partition])) break
        next.forEach((offset, partition) => (offsets[partition] = offset))
      }
      const entries: LogEntry[] = []
      for (let place = after + 1; entries.length < PAGE; place++) {
        const entry = found.get(place)?.entry
        if (entry === undefined || entry === null) break
        entries.push(entry)
      }
      this.#cursors.add(after + entries.length, offsets, found.values())
      return entries
    })
  }

  trim(upTo: number): Promise<void> {
    return this.#use(async (topic) => {
      const before = this.#cursors.upTo(upTo)
      if (before !== null) await topic.deleteRecords(before)
    })
  }

  close(): Promise<void> {
    return this.#topic.close()
  }

  #send(topic: OpenTopic, index: string, entries: readonly LogEntry[]): Promise<void> {
    const ofIndex = headerBytes(INDEX, index)
    // Entries of one transaction have one time.
    let at: number | null = null
    let shared: readonly Buffer[] = []
    return topic.append(
      entries.map(({ id, key, place, payload, appendedAt }) => {
        if (appendedAt !== at) shared = [ofIndex, headerBytes(APPENDED_AT, String(appendedAt))]
        at = appendedAt
        const isTooLarge = payload.byteLength + RECORD_BYTES > topic.mostBytes
        const value = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
        const of = key ?? id
        return {
          partition: partitionOf(of, topic.partitions),
          key: of,
          value: isTooLarge ? '' : new Utf8Bytes(value, 0, value.length),
          shared: isTooLarge ? [...shared, ONLY_IN_INDEX] : shared,
          own: [PLACE, place],
        }
      }),
    )
  }

  /** The entries at the end of each partition. */
  async #tail(topic: OpenTopic, index: string): Promise<Placed[]> {
    const [earliest, latest] = [await topic.earliest(), await topic.latest()]
    let offsets = latest.map((end, i) => (end - earliest[i]! > TAIL ? end - TAIL : earliest[i]!))
    const found: Placed[] = []
    for (;;) {
      const open = offsets.map((offset, i) => (offset < latest[i]! ? offset : undefined))
      if (open.every((offset) => offset === undefined)) return found
      const { records, next } = await topic.fetch(open)
      for (const record of records) {
        const placed = placedOf(record)
        if (placed === null) continue
        if (placed.index !== index) throw indexMismatch(this.description, 'other')
        found.push(placed)
      }
      if (next.every((offset, i) => open[i] === undefined || offset === open[i])) return found
      offsets = offsets.map((offset, i) => (open[i] === undefined ? offset : next[i]!))
    }
  }

  async #use<T>(work: (topic: OpenTopic) => Promise<T>): Promise<T> {
    try {
      return await this.#topic.use(work)
    } catch (error) {
      // The topic may begin behind them now, or be another one.
      this.#cursors.clear()
      throw error
    }
  }
}

/** As clients choose it. */
function partitionOf(key: string, partitions: number): number {
  const bytes = Buffer.from(key)
  return murmur2(bytes, 0, bytes.length) % partitions
}

/** Null: somebody else has produced it. */
function placedOf({ partition, offset, value, header }: FetchedRecord): Placed | null {
  const mark = markOf(header)
  if (mark === null) return null
  const isInIndex = header(IN_INDEX) !== ''
  const entry = isInIndex || value === null ? null : entryOf(mark, value)
  return isInIndex || entry !== null ? { ...mark, partition, offset, entry } : null
}
