import type { ChangeLog, ChangeLogEntry, ChangeLogRecord } from '../../model/state/change-log.ts'
import { recordsLost } from './numbers.ts'
import { protocolErrorOf } from '../../clients/kafka/errors.ts'
import { engineUnfit } from '../errors.ts'
import type { KafkaAddress } from '../kafka/address.ts'
import { KeptTopic } from '../kafka/kept-topic.ts'
import type { OpenTopic } from '../kafka/topic.ts'

const CHUNK = 1_000
/** What key and framing take of a record, and a batch of all of them. */
const RECORD_BYTES = 256
const SHARE_BYTES = 256 << 10
const TAIL = 500n

interface Asked {
  readonly share: number
  readonly after: bigint | null
  readonly found: PromiseWithResolvers<readonly ChangeLogEntry[]>
}

/**
 * A topic with a partition per share. Workers fetch by offset, and who reads what is decided by leases beside the
 * checkpoints: a rebalance of a consumer group would hand a partition over without what waits for its keys. All shares of
 * a process are fetched together: a broker answers one request of a connection at a time, and would hold each until
 * something comes.
 */
export class KafkaChangeLog implements ChangeLog {
  readonly description: string
  readonly #topic: KeptTopic
  #asked: Asked[] = []
  #fetching = false

  constructor(address: KafkaAddress, shares: number) {
    this.description = address.printable
    this.#topic = new KeptTopic(
      { ...address, partitions: address.partitions < 0 ? shares : address.partitions },
      ({ partitions }) => {
        if (partitions >= shares) return
        const hint = `Add partitions to the topic, or set scale.shares to ${partitions} while nothing is left in it.`
        throw engineUnfit(this.description, `the topic has ${partitions} partitions for ${shares} shares`, hint)
      },
    )
  }

  check(): Promise<void> {
    return this.#topic.use(async (topic) => void (await topic.latest()))
  }

  mostBytes(): Promise<number> {
    return this.#topic.use((topic) => Promise.resolve(topic.mostBytes - RECORD_BYTES))
  }

  append(records: readonly ChangeLogRecord[]): Promise<void> {
    return this.#topic.use(async (topic) => {
      let chunk: ChangeLogRecord[] = []
      let bytes = 0
      for (const record of records) {
        const more = Buffer.byteLength(record.body) + RECORD_BYTES
        // A chunk is one batch for each partition: it is there as a whole or not.
        if (chunk.length === CHUNK || (chunk.length > 0 && bytes + more > topic.mostBytes)) {
          await this.#send(topic, chunk)
          chunk = []
          bytes = 0
        }
        chunk.push(record)
        bytes += more
      }
      if (chunk.length > 0) await this.#send(topic, chunk)
    })
  }

  tail(): Promise<readonly ChangeLogRecord[]> {
    return this.#topic.use(async (topic) => {
      const [earliest, latest] = [await topic.earliest(), await topic.latest()]
      let offsets = latest.map((end, i) => (end - earliest[i]! > TAIL ? end - TAIL : earliest[i]!))
      const found: ChangeLogRecord[] = []
      for (;;) {
        const open = offsets.map((offset, i) => (offset < latest[i]! ? offset : undefined))
        if (open.every((offset) => offset === undefined)) return found
        const { records, next } = await topic.fetch(open)
        for (const { partition, value } of records)
          if (value !== null) found.push({ share: partition, body: value.toString() })
        if (next.every((offset, i) => open[i] === undefined || offset === open[i])) return found
        offsets = offsets.map((offset, i) => (open[i] === undefined ? offset : next[i]!))
      }
    })
  }

  read(share: number, after: string | null): Promise<readonly ChangeLogEntry[]> {
    const found = Promise.withResolvers<readonly ChangeLogEntry[]>()
    this.#asked.push({ share, after: after === null ? null : BigInt(after), found })
    if (!this.#fetching) void this.#fetchAll()
    return found.promise
  }

  behind(share: number, place: string | null): Promise<number> {
    return this.#topic.use(async (topic) => {
      const latest = (await topic.latest())[share]!
      const from = place === null ? (await topic.earliest())[share]! : BigInt(place) + 1n
      return Number(latest > from ? latest - from : 0n)
    })
  }

  trim(share: number, upTo: string): Promise<void> {
    return this.#topic.use(async (topic) => {
      const before = await topic.earliest()
      const end = BigInt(upTo) + 1n
      if (end > before[share]!) await topic.deleteRecords(before.map((each, i) => (i === share ? end : each)))
    })
  }

  close(): Promise<void> {
    return this.#topic.close()
  }

  /** As long as somebody asks: each round is one fetch for all who wait. */
  async #fetchAll(): Promise<void> {
    this.#fetching = true
    // Who asks in the same turn comes along.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.#asked.length > 0) {
      const asked = this.#asked
      this.#asked = []
      try {
        await this.#fetch(asked)
      } catch (error) {
        for (const { found } of asked) found.reject(error)
      }
    }
    this.#fetching = false
  }

  #fetch(asked: readonly Asked[]): Promise<void> {
    return this.#topic.use(async (topic) => {
      const earliest = await this.#earliestFor(asked, topic)
      const offsets: (bigint | undefined)[] = Array.from({ length: topic.partitions }, () => undefined)
      for (const { share, after } of asked) offsets[share] = after === null ? earliest[share]! : after + 1n
      const { records } = await topic.fetch(offsets, SHARE_BYTES).catch(async (error: unknown) => {
        if (protocolErrorOf(error) === 'OFFSET_OUT_OF_RANGE') await this.#requireOffsets(asked, topic)
        throw error
      })
      const byShare = Map.groupBy(records, ({ partition }) => partition)
      for (const { share, found } of asked) {
        found.resolve(
          (byShare.get(share) ?? []).flatMap(({ offset, value }) =>
            value === null ? [] : [{ place: String(offset), body: value.toString() }],
          ),
        )
      }
    })
  }

  /** A topic that was deleted, cut short or emptied: the offsets would soon stand for other records. */
  async #requireOffsets(asked: readonly Asked[], topic: OpenTopic): Promise<void> {
    const [earliest, latest] = [await topic.earliest(), await topic.latest()]
    for (const { share, after } of asked) {
      if (after === null || (after + 1n >= earliest[share]! && after < latest[share]!)) continue
      const why = `the partition holds ${earliest[share]} to ${latest[share]! - 1n}, and ${after} was read`
      throw recordsLost(this.description, share, why)
    }
  }

  #earliestFor(asked: readonly Asked[], topic: OpenTopic): Promise<readonly bigint[]> {
    return asked.some(({ after }) => after === null) ? topic.earliest() : Promise.resolve([])
  }

  #send(topic: OpenTopic, records: readonly ChangeLogRecord[]): Promise<void> {
    return topic.append(
      records.map(({ share, body }) => ({ partition: share, key: null, value: body, shared: [], own: null })),
    )
  }
}
