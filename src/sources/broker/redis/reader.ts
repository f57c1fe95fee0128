import { RedisConnection } from '../../../clients/redis/redis.ts'
import type { RedisAddress } from '../../../clients/redis/redis-url.ts'
import type { Clock, Timer } from '../../../model/clock.ts'
import type { Log } from '../../../model/rule/action.ts'
import type { BrokerReader, BrokerStep, Finished } from '../contract.ts'
import { gapOf, type OnGap } from '../errors.ts'
import type { BrokerStart } from '../start.ts'
import { lastAttempts } from '../last-attempts.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { CONSUMER_PREFIX, StreamCommands, trimmedUnread } from './commands.ts'
import { redisReadError } from './errors.ts'
import { recordOfEntry, type EntryOptions, type StreamEntry } from './entry.ts'
import { findStreams } from './find-streams.ts'
import { isBehind, newLease, type StreamLease } from './stream-lease.ts'

export interface RedisReaderOptions extends EntryOptions {
  readonly address: RedisAddress
  readonly description: string
  /** Keys of streams, and patterns of them. */
  readonly topics: readonly string[]
  readonly group: string
  /** Of this instance, unique in the group. */
  readonly instanceId: string
  readonly start: BrokerStart
  readonly onGap: OnGap
  readonly clock: Clock
  readonly log: Log
}

const READY_MS = 5_000
const DISCOVER_MS = 5_000
const GAPS_MS = 1_000
const CLAIM_MS = 30_000
/** Pending entries of consumers that are not BinGo's are taken after this time. */
const CLAIM_IDLE_MS = 60_000
const LOCK_MS = 15_000
const RENEWALS = 3
const BLOCK_MS = 300
const IDLE_MS = 100
const COUNT = 200

/**
 * The streams of a source, read by a consumer group. A group hands each entry to any of its consumers, which keeps no order:
 * so each stream has one reader at a time, by a lock beside it. Where reading goes on is kept by the group; what is pending
 * comes first, in its order, also that of readers which are gone.
 */
export class RedisReader implements BrokerReader {
  readonly description: string
  private readonly options: RedisReaderOptions
  private readonly commands: StreamCommands
  private readonly owner: string
  private reading: RedisConnection | null = null
  private main: RedisConnection | null = null
  private renewing: Timer | null = null
  private readonly leases = new Map<string, StreamLease>()
  private readonly acknowledgements: Acknowledgements
  private lockedAt = 0
  private next = { discover: 0, gaps: 0, claim: 0 }

  constructor(options: RedisReaderOptions) {
    const { description, group, instanceId } = options
    this.options = options
    this.description = description
    this.owner = `${CONSUMER_PREFIX}${instanceId}`
    this.commands = new StreamCommands(group, this.owner)
    const { log } = options
    this.acknowledgements = new Acknowledgements({ commands: this.commands, client: () => this.main!.client, log })
  }

  async *read(stored: ReadonlyMap<string, string> | null, signal: AbortSignal): AsyncIterable<BrokerStep> {
    const { clock } = this.options
    let isFirst = stored === null
    this.next = { discover: 0, gaps: 0, claim: 0 }
    for (const lease of this.leases.values()) lease.recovering = true
    try {
      await this.connect()
      while (!signal.aborted) {
        if (this.isDue('discover', DISCOVER_MS)) {
          await this.discover(isFirst)
          if (isFirst) yield { tag: 'began', places: new Map() }
          isFirst = false
        }
        if (this.isDue('gaps', GAPS_MS)) for (const lease of this.leases.values()) yield* this.gaps(lease)
        const isClaimDue = this.isDue('claim', CLAIM_MS)
        for (const lease of this.leases.values()) yield* this.pending(lease, isClaimDue)
        const count = yield* this.fresh()
        yield { tag: 'read', all: count === 0 }
        if (count === 0 && (this.leases.size === 0 || this.main!.mode === 'cluster')) {
          await clock.sleep(IDLE_MS, signal).catch(() => undefined)
        }
      }
    } catch (error) {
      // A stream was deleted: what is left is looked up again.
      if (error instanceof Error && /^NOGROUP|no such key/.test(error.message)) this.loseAll()
      throw redisReadError(this.description, error)
    }
  }

  ready(): undefined {
    // A process that stood still may have been replaced without having heard of it.
    if (this.leases.size > 0 && this.options.clock.monotonicMs() - this.lockedAt > LOCK_MS) this.loseAll()
    return undefined
  }

  acknowledge(finished: Finished): void {
    this.acknowledgements.add(finished as ReadonlyMap<StreamLease, string>)
  }

  async close(): Promise<void> {
    const { clock, log } = this.options
    if (!(await lastAttempts(() => this.acknowledgements.sendOwed(), clock))) {
      log.warn({ source: this.description }, 'entries could not be acknowledged: they are delivered again')
    }
    this.renewing?.cancel()
    for (const { part } of this.leases.values()) {
      await this.commands.unlock(this.main!.client, part, this.owner).catch(() => undefined)
    }
    this.loseAll()
    await Promise.all([this.reading?.close(), this.main?.close()])
  }

  private async connect(): Promise<void> {
    const { address, log, clock, instanceId } = this.options
    this.main ??= new RedisConnection(address, { log, name: `${instanceId}:source` })
    this.reading ??= new RedisConnection(address, { log, name: `${instanceId}:source-read` })
    this.renewing ??= clock.every(LOCK_MS / RENEWALS, () => void this.renew())
    await Promise.all([this.main.whenReady(READY_MS), this.reading.whenReady(READY_MS)])
  }

  private isDue(what: keyof typeof this.next, everyMs: number): boolean {
    const now = this.options.clock.monotonicMs()
    if (now < this.next[what]) return false
    this.next[what] = now + everyMs
    return true
  }

  /** Takes streams that nobody reads. `isFirst`: of this instance; where the group was never made, `from` counts. */
  private async discover(isFirst: boolean): Promise<void> {
    const { topics, start, log } = this.options
    const { client } = this.main!
    for (const stream of await findStreams(client, topics)) {
      if (this.leases.has(stream)) continue
      await this.commands.create(client, stream, isFirst ? start : { tag: 'earliest' })
      if (!(await this.commands.lock(client, stream, this.owner, LOCK_MS))) continue
      if (this.leases.size === 0) this.lockedAt = this.options.clock.monotonicMs()
      this.leases.set(stream, newLease(stream))
      log.info({ source: this.description, stream }, 'reading a stream')
    }
  }

  private async renew(): Promise<void> {
    const now = this.options.clock.monotonicMs()
    try {
      for (const lease of this.leases.values()) {
        if (await this.commands.lock(this.main!.client, lease.part, this.owner, LOCK_MS)) continue
        lease.lost = true
        this.leases.delete(lease.part)
      }
      this.lockedAt = now
    } catch {
      // The next one comes before the lock ends; whoever reads reports a server that is down.
    }
  }

  /** Pending entries: of readers that are gone, and those whose delivery this one never heard of. */
  private async *pending(lease: StreamLease, isClaimDue: boolean): AsyncIterable<BrokerStep> {
    if (!lease.recovering && !isClaimDue) return
    const { client } = this.main!
    const claimed = await this.commands.claim(client, lease.part, CLAIM_IDLE_MS)
    if (!lease.recovering) {
      yield* this.hand(lease, claimed)
      return
    }
    for (let from = lease.read; ;) {
      const found = await this.commands.read(client, new Map([[lease.part, from]]), COUNT, null)
      const entries = found.get(lease.part) ?? []
      if (entries.length === 0) break
      from = entries.at(-1)!.id
      yield* this.hand(lease, entries)
    }
    lease.recovering = false
  }

  /** New entries; answers how many. */
  private async *fresh(): AsyncGenerator<BrokerStep, number> {
    const streams = [...this.leases.keys()]
    if (streams.length === 0) return 0
    const isCluster = this.reading!.mode === 'cluster'
    let count = 0
    for (const some of isCluster ? streams.map((stream) => [stream]) : [streams]) {
      const from = new Map(some.map((stream) => [stream, '>']))
      const found = await this.commands.read(this.reading!.client, from, COUNT, isCluster ? null : BLOCK_MS)
      for (const [stream, entries] of found) {
        const lease = this.leases.get(stream)
        if (lease === undefined) continue
        count += entries.length
        yield* this.hand(lease, entries)
      }
    }
    return count
  }

  private *hand(lease: StreamLease, entries: readonly StreamEntry[]): Iterable<BrokerStep> {
    const gone = entries.filter(({ fields }) => fields === null).map(({ id }) => id)
    if (gone.length > 0) {
      // They are acknowledged with the gap.
      lease.handed.push(...gone)
      const reason = `${gone.length} pending entries were deleted or trimmed`
      yield this.gapStep(lease, gone[0]!, gone.at(-1)!, reason, gone.at(-1)!)
    }
    const there = entries.filter(({ fields, id }) => fields !== null && !lease.handed.includes(id))
    if (there.length === 0) return
    for (const { id } of there) {
      lease.handed.push(id)
      if (isBehind(id, lease.read)) lease.read = id
    }
    const records = there.map((entry) => recordOfEntry(lease.part, entry, this.options))
    yield { tag: 'records', lease, records, last: there.at(-1)!.id }
  }

  /** What was trimmed before it was read. */
  private async *gaps(lease: StreamLease): AsyncIterable<BrokerStep> {
    const { client } = this.main!
    const state = await this.commands.state(client, lease.part)
    const count = trimmedUnread(state)
    if (count === 0) return
    const isLatest = this.options.onGap === 'latest'
    const first = isLatest ? state.lastAdded : (state.first ?? state.lastAdded)
    const step = this.gapStep(lease, state.delivered, first, `${count} entries were trimmed before they were read`)
    const read = isLatest ? state.trimmed + state.length : state.trimmed
    await this.commands.skipTo(client, lease.part, isLatest ? state.lastAdded : state.delivered, read)
    yield step
  }

  /** Throws GapError where nobody said how to go on. */
  private gapStep(lease: StreamLease, from: string, first: string, reason: string, last = from): BrokerStep {
    const { onGap, clock } = this.options
    const gap = gapOf({ part: lease.part, from, first, reason }, onGap, clock.now())
    return { tag: 'gap', lease, gap, last }
  }

  private loseAll(): void {
    for (const lease of this.leases.values()) lease.lost = true
    this.leases.clear()
  }
}
