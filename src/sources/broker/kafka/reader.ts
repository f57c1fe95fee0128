import { openAdmin, type KafkaConnection } from '../../../clients/kafka/kafka.ts'
import { protocolErrorOf } from '../../../clients/kafka/errors.ts'
import type { Clock } from '../../../model/clock.ts'
import type { Log } from '../../../model/rule/action.ts'
import { withDeadline } from '../../../model/with-deadline.ts'
import type { BrokerReader, BrokerStep, Finished } from '../contract.ts'
import { gapOf, type OnGap } from '../errors.ts'
import type { PartLedger } from '../ledger.ts'
import type { BrokerStart } from '../start.ts'
import { isPattern, topicMatcher } from '../topic-pattern.ts'
import { kafkaReadError } from './errors.ts'
import { fetchRecords } from './fetch.ts'
import { GroupMember, type KafkaLease } from './group-member.ts'
import { committedOf, rangesOf, startsOf, type Range } from './offsets.ts'

export interface KafkaReaderOptions {
  readonly connection: KafkaConnection
  /** Printable, no secrets. */
  readonly description: string
  /** Names and patterns. */
  readonly topics: readonly string[]
  readonly group: string
  /** Of this instance, unique in the group. */
  readonly instanceId: string
  readonly start: BrokerStart
  readonly onGap: OnGap
  readonly ledger: PartLedger
  readonly clock: Clock
  readonly log: Log
}

/** Between two looks for topics and partitions that are new. */
const DISCOVER_MS = 5_000
/** Where there is nothing to fetch. */
const IDLE_MS = 500
const CLOSE_MS = 1_000
const UNKNOWN_TOPICS: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'UNKNOWN_TOPIC_ID',
  'INCONSISTENT_TOPIC_ID',
])

/**
 * The topics of a source, read as a member of a consumer group. Where each partition goes on is kept by the group: an
 * operator resets it there, and another instance takes over there. What this instance has stored of it counts where the
 * group has forgotten it (offsets.retention.minutes). A partition that neither knows was added since, and is read whole.
 */
export class KafkaReader implements BrokerReader {
  readonly description: string
  private readonly options: KafkaReaderOptions
  private readonly admin: ReturnType<typeof openAdmin>
  private readonly member: GroupMember
  private readonly matches: (topic: string) => boolean
  /** Topics that were found, with their numbers of partitions. */
  private found: ReadonlyMap<string, number> = new Map()
  private discoverAt = 0
  private toldMissing = ''

  constructor(options: KafkaReaderOptions) {
    const { connection, group, instanceId, ledger, clock, log, topics, description } = options
    this.options = options
    this.description = description
    this.matches = topicMatcher(topics)
    this.admin = openAdmin(connection)
    this.member = new GroupMember({ connection, group, instanceId, settled: () => ledger.settled(), clock, log })
  }

  async *read(stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep> {
    let places = stored
    // What failed may have been another cluster state.
    this.discoverAt = 0
    try {
      while (!signal.aborted) {
        if (this.options.clock.monotonicMs() >= this.discoverAt) await this.discover()
        if (this.found.size > 0 && !this.member.isMember) await this.member.join([...this.found.keys()])
        const began = yield* this.resolve(places)
        places ??= began
        yield* this.fetch(signal)
        void this.member.commit()
      }
    } catch (error) {
      throw kafkaReadError(this.description, error)
    }
  }

  ready(): Promise<void> | undefined {
    return this.member.ready()
  }

  acknowledge(finished: Finished): void {
    this.member.acknowledge(finished)
  }

  async close(): Promise<void> {
    await this.member.close()
    await withDeadline(this.admin.close(), CLOSE_MS).catch(() => undefined)
  }

  private async discover(): Promise<void> {
    const { clock, topics, log } = this.options
    const names = (await this.admin.listTopics()).filter((topic) => this.matches(topic)).toSorted()
    const counts = new Map<string, number>()
    if (names.length > 0) {
      const metadata = await this.admin.metadata({ topics: names, autocreateTopics: false, forceUpdate: true })
      for (const [topic, { partitionsCount }] of metadata.topics) counts.set(topic, partitionsCount)
    }
    const missing = topics.filter((topic) => !isPattern(topic) && !counts.has(topic)).join(', ')
    if (missing !== this.toldMissing && missing !== '') {
      log.warn({ source: this.description, topics: missing }, 'topics do not exist yet; they are read once they do')
    }
    this.toldMissing = missing
    const changed =
      counts.size !== this.found.size || [...counts].some(([topic, count]) => this.found.get(topic) !== count)
    const isNew = changed && this.found.size > 0
    this.found = counts
    this.discoverAt = clock.monotonicMs() + DISCOVER_MS
    if (!changed) return
    log.info({ source: this.description, topics: [...counts.keys()] }, isNew ? 'topics have changed' : 'topics found')
    this.member.consumer.clearMetadata()
    if (counts.size > 0) await this.member.join([...counts.keys()])
  }

  /** Finds where partitions begin that are new here. Answers where a first start begins, once that is known. */
  private async *resolve(
    stored: ReadonlyMap<string, string> | null,
  ): AsyncGenerator<BrokerStep, ReadonlyMap<string, string> | null> {
    const { consumer, leases } = this.member
    const open = [...leases.values()].filter(({ next }) => next === null)
    if (open.length === 0) return this.found.size === 0 && stored === null ? yield* began(new Map()) : null
    const ranges = await rangesOf(consumer, open)
    const committed = await committedOf(consumer, this.found)
    const isFirst = stored === null && committed.size === 0
    const starts = await startsOf(consumer, open, isFirst ? this.options.start : { tag: 'earliest' }, ranges)
    const places = new Map<string, string>()
    for (const lease of open) {
      const known = committed.get(lease.part) ?? afterPlace(stored?.get(lease.part))
      lease.next = known ?? starts.get(lease.part)!
      lease.end = ranges.get(lease.part)!.end
      places.set(lease.part, String(lease.next - 1n))
    }
    if (isFirst) await this.commitStarts(open)
    // Said before the first record: a crash in between must not begin at another place (invariant 1).
    if (stored === null) yield* began(places)
    yield* this.gaps(open, ranges)
    return stored === null ? places : null
  }

  /** The group knows from now on where it begins. */
  private async commitStarts(leases: readonly KafkaLease[]): Promise<void> {
    const offsets = leases.map(({ topic, partition, next }) => ({ topic, partition, offset: next!, leaderEpoch: -1 }))
    await this.member.consumer.commit({ offsets })
  }

  private async *fetch(signal: AbortSignal): AsyncIterable<BrokerStep> {
    const { clock } = this.options
    const leases = [...this.member.leases.values()].filter(({ next }) => next !== null)
    if (leases.length === 0) {
      yield { tag: 'read', all: true }
      await clock.sleep(IDLE_MS, signal).catch(() => undefined)
      return
    }
    try {
      for (const { lease, records, last } of await fetchRecords(this.member.consumer, leases)) {
        if (lease.lost) continue
        lease.next = last + 1n
        yield { tag: 'records', lease, records, last: String(last) }
      }
    } catch (error) {
      yield* this.recover(error, leases)
      return
    }
    yield { tag: 'read', all: leases.every(({ next, end }) => next! >= end) }
  }

  /** What is no outage: records were deleted before they were read, or a topic was. */
  private async *recover(error: unknown, leases: readonly KafkaLease[]): AsyncIterable<BrokerStep> {
    const name = protocolErrorOf(error) ?? ''
    if (name === 'OFFSET_OUT_OF_RANGE') return yield* this.gaps(leases, await rangesOf(this.member.consumer, leases))
    if (!UNKNOWN_TOPICS.has(name)) throw error
    await this.discover()
  }

  private async *gaps(leases: readonly KafkaLease[], ranges: ReadonlyMap<string, Range>): AsyncIterable<BrokerStep> {
    const { onGap, clock } = this.options
    for (const lease of leases) {
      const { first, end } = ranges.get(lease.part)!
      const next = lease.next!
      if (lease.lost || (next >= first && next <= end)) continue
      const isBefore = next < first
      const reason = isBefore
        ? `offsets ${next} to ${first - 1n} were deleted before they were read (retention)`
        : `the partition ends at ${end}, and reading had come to ${next}: it was deleted and made again, or lost its end`
      const to = onGap === 'latest' ? end : first
      const gap = gapOf({ part: lease.part, from: String(next), first: String(to), reason }, onGap, clock.now())
      lease.next = to
      yield { tag: 'gap', lease, gap, last: String(to - 1n) }
    }
  }
}

function* began(places: ReadonlyMap<string, string>): Generator<BrokerStep, ReadonlyMap<string, string>> {
  yield { tag: 'began', places }
  return places
}

function afterPlace(place: string | undefined): bigint | undefined {
  return place === undefined ? undefined : BigInt(place) + 1n
}
