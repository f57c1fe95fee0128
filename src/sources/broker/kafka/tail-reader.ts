import { openAdmin, openConsumer, type KafkaConnection } from '../../../clients/kafka/kafka.ts'
import { protocolErrorOf } from '../../../clients/kafka/errors.ts'
import type { Clock } from '../../../model/clock.ts'
import { withDeadline } from '../../../model/with-deadline.ts'
import type { BrokerReader, BrokerStep } from '../contract.ts'
import type { BrokerStart } from '../start.ts'
import { topicMatcher } from '../topic-pattern.ts'
import { kafkaReadError } from './errors.ts'
import { fetchRecords } from './fetch.ts'
import type { KafkaLease } from './group-member.ts'
import { rangesOf, startsOf } from './offsets.ts'

export interface KafkaTailOptions {
  readonly connection: KafkaConnection
  readonly description: string
  readonly topics: readonly string[]
  readonly start: BrokerStart
  readonly clock: Clock
}

const DISCOVER_MS = 5_000
const IDLE_MS = 500
const CLOSE_MS = 1_000

/** Reads topics by their offsets beside whoever else does: it joins no group and commits nothing. */
export class KafkaTailReader implements BrokerReader {
  readonly description: string
  readonly #options: KafkaTailOptions
  readonly #admin
  readonly #consumer
  readonly #matches
  readonly #leases = new Map<string, KafkaLease>()

  constructor(options: KafkaTailOptions) {
    this.description = options.description
    this.#options = options
    this.#admin = openAdmin(options.connection)
    this.#consumer = openConsumer(options.connection)
    this.#matches = topicMatcher(options.topics)
  }

  async *read(_stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep> {
    const { clock, start } = this.#options
    try {
      // What failed before resumes where it was.
      await this.#discover(this.#leases.size === 0 ? start : { tag: 'earliest' })
      yield { tag: 'began', places: new Map() }
      let discoverAt = clock.monotonicMs() + DISCOVER_MS
      while (!signal.aborted) {
        if (clock.monotonicMs() >= discoverAt) {
          await this.#discover({ tag: 'earliest' })
          discoverAt = clock.monotonicMs() + DISCOVER_MS
        }
        yield* this.#fetch(signal)
      }
    } catch (error) {
      throw kafkaReadError(this.description, error)
    }
  }

  ready(): undefined {
    return undefined
  }

  acknowledge(): void {
    // Nobody is to know what was looked at.
  }

  async close(): Promise<void> {
    for (const client of [this.#consumer, this.#admin]) {
      await withDeadline(Promise.resolve(client.close()), CLOSE_MS).catch(() => undefined)
    }
  }

  /** Finds partitions that are new here. */
  async #discover(start: BrokerStart): Promise<void> {
    const names = (await this.#admin.listTopics()).filter((topic) => this.#matches(topic))
    if (names.length === 0) return
    const { topics } = await this.#admin.metadata({ topics: names, autocreateTopics: false, forceUpdate: true })
    const added: KafkaLease[] = []
    for (const [topic, { partitionsCount }] of topics) {
      for (let partition = 0; partition < partitionsCount; partition++) {
        const part = `${topic}/${partition}`
        if (!this.#leases.has(part)) added.push({ part, topic, partition, lost: false, next: null, end: 0n })
      }
    }
    if (added.length > 0) await this.#begin(added, start)
  }

  async #begin(leases: readonly KafkaLease[], start: BrokerStart): Promise<void> {
    this.#consumer.clearMetadata()
    const ranges = await rangesOf(this.#consumer, leases)
    const starts = await startsOf(this.#consumer, leases, start, ranges)
    for (const lease of leases) {
      lease.next = starts.get(lease.part)!
      lease.end = ranges.get(lease.part)!.end
      this.#leases.set(lease.part, lease)
    }
  }

  async *#fetch(signal: AbortSignal): AsyncIterable<BrokerStep> {
    const leases = [...this.#leases.values()]
    if (leases.length === 0) {
      yield { tag: 'read', all: true }
      await this.#options.clock.sleep(IDLE_MS, signal).catch(() => undefined)
      return
    }
    try {
      for (const { lease, records, last } of await fetchRecords(this.#consumer, leases)) {
        lease.next = last + 1n
        yield { tag: 'records', lease, records, last: String(last) }
      }
    } catch (error) {
      // Records were deleted before they were printed: what is left is printed.
      if (protocolErrorOf(error) !== 'OFFSET_OUT_OF_RANGE') throw error
      await this.#begin(leases, { tag: 'earliest' })
      return
    }
    yield { tag: 'read', all: leases.every(({ next, end }) => next! >= end) }
  }
}
