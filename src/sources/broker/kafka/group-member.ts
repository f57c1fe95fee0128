import { openGroupMember, type BytesConsumer, type KafkaConnection } from '../../../clients/kafka/kafka.ts'
import { protocolErrorOf } from '../../../clients/kafka/errors.ts'
import type { Clock } from '../../../model/clock.ts'
import type { Log } from '../../../model/rule/action.ts'
import { withDeadline } from '../../../model/with-deadline.ts'
import type { Finished, PartLease } from '../contract.ts'
import { lastAttempts } from '../last-attempts.ts'

/** The right to read a partition. */
export interface KafkaLease extends PartLease {
  readonly topic: string
  readonly partition: number
  /** Of the next record to fetch; null: not known yet. */
  next: bigint | null
  /** Where the partition ended when it was last looked at. */
  end: bigint
}

export interface GroupMemberDeps {
  readonly connection: KafkaConnection
  readonly group: string
  /** Of this instance, unique in the group. */
  readonly instanceId: string
  /** Resolves when nothing is in flight. */
  readonly settled: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

/** A member that is not heard of for so long has its partitions given to others. */
const SESSION_MS = 30_000
const REBALANCE_MS = 45_000
const HEARTBEAT_MS = 3_000
/** Before partitions are given back: what is in flight may end and be acknowledged. Well below the session. */
const DRAIN_MS = 10_000
const CLOSE_MS = 3_000
const ANY_EPOCH = -1

interface Joined {
  readonly memberId: string
  readonly generationId: number
  readonly assignments: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null
}

/**
 * Membership in a consumer group. Before partitions move, nothing more is handed in, what is in flight ends and its offsets
 * are committed, so that their new owner begins right behind. What takes longer is never committed by this instance any
 * more: its lease is lost, and the group refuses commits of an earlier generation.
 */
export class GroupMember {
  readonly leases = new Map<string, KafkaLease>()
  readonly consumer: BytesConsumer
  private readonly deps: GroupMemberDeps
  private joined: Pick<Joined, 'memberId' | 'generationId'> | null = null
  /** While partitions move. */
  private moving: PromiseWithResolvers<void> | null = null
  private mayCommit = true
  /** When the group was last known to count this member. */
  private aliveAt = 0
  private readonly owed = new Map<KafkaLease, bigint>()
  private committing: Promise<boolean> | null = null

  constructor(deps: GroupMemberDeps) {
    this.deps = deps
    this.consumer = openGroupMember({
      ...deps.connection,
      groupId: deps.group,
      groupInstanceId: deps.instanceId,
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: REBALANCE_MS,
      heartbeatInterval: HEARTBEAT_MS,
      beforeJoin: () => this.giveBack(),
    })
    this.consumer.on('consumer:group:join', (joined: Joined) => this.onJoined(joined))
    this.consumer.on('consumer:heartbeat:end', () => (this.aliveAt = deps.clock.monotonicMs()))
    // Joining again in the background failed: the next look at the membership repeats it.
    this.consumer.on('error', () => {
      if (!this.consumer.isActive()) this.loseAll()
    })
  }

  get isMember(): boolean {
    return this.joined !== null && this.consumer.isActive()
  }

  /** Undefined: records may be handed in, of leases that are not lost. */
  ready(): Promise<void> | undefined {
    // A process that stood still, or was cut off, may have been replaced without having heard of it.
    if (this.joined !== null && this.deps.clock.monotonicMs() - this.aliveAt > SESSION_MS) this.loseAll()
    return this.moving?.promise
  }

  /** Joins, or joins again for these topics. Rejects with the client's error. */
  async join(topics: readonly string[]): Promise<void> {
    const { consumer } = this
    for (const topic of consumer.topics.keys()) if (!topics.includes(topic)) consumer.topics.untrack(topic)
    for (const topic of topics) if (!consumer.topics.has(topic)) consumer.topics.track(topic)
    try {
      await consumer.joinGroup({})
    } catch (error) {
      this.loseAll()
      throw error
    }
  }

  acknowledge(finished: Finished): void {
    for (const [lease, place] of finished) this.owed.set(lease as KafkaLease, BigInt(place) + 1n)
    void this.commit()
  }

  /** Commits what is owed; false: not all of it could be. */
  async commit(): Promise<boolean> {
    while (this.committing !== null) await this.committing
    for (const lease of this.owed.keys()) if (lease.lost) this.owed.delete(lease)
    if (this.owed.size === 0) return true
    if (!this.mayCommit || this.joined === null) return false
    this.committing = this.commitOnce(new Map(this.owed))
    try {
      return await this.committing
    } finally {
      this.committing = null
    }
  }

  async close(): Promise<void> {
    const { log, group, clock } = this.deps
    if (!(await lastAttempts(() => this.commitSettled(), clock))) {
      log.warn(
        { group, partitions: this.owed.size },
        'offsets could not be committed: their records are delivered again',
      )
    }
    await withDeadline(this.consumer.close(true), CLOSE_MS).catch(() => undefined)
    this.loseAll()
  }

  private async commitSettled(): Promise<boolean> {
    await this.moving?.promise
    return this.commit()
  }

  private async commitOnce(offsets: ReadonlyMap<KafkaLease, bigint>): Promise<boolean> {
    const listed = [...offsets].map(([{ topic, partition }, offset]) => ({
      topic,
      partition,
      offset,
      leaderEpoch: ANY_EPOCH,
    }))
    try {
      await this.consumer.commit({ offsets: listed })
    } catch (error) {
      const { log, group } = this.deps
      const code = protocolErrorOf(error) ?? (error instanceof Error ? error.message : String(error))
      log.info({ group, err: code, partitions: listed.length }, 'committing offsets failed; they go with the next')
      return false
    }
    for (const [lease, offset] of offsets) if (this.owed.get(lease) === offset) this.owed.delete(lease)
    return true
  }

  /** Runs before each request to join, while this generation may still commit. */
  private async giveBack(): Promise<void> {
    this.moving ??= Promise.withResolvers<void>()
    if (this.joined !== null && this.leases.size > 0) {
      const { clock, settled } = this.deps
      const tooLong = new AbortController()
      await Promise.race([settled(), clock.sleep(DRAIN_MS, tooLong.signal).catch(() => undefined)])
      tooLong.abort()
      await this.commit()
    }
    this.mayCommit = false
    // A commit on its way must not arrive as one of the next generation.
    await this.committing
  }

  private onJoined({ memberId, generationId, assignments }: Joined): void {
    const before = this.joined
    // Whoever was left out of a generation may have lost everything in between.
    const stayed = before !== null && before.memberId === memberId && generationId - before.generationId <= 1
    const kept = new Set<string>()
    for (const { topic, partitions } of assignments ?? []) {
      for (const partition of partitions) {
        const part = `${topic}/${partition}`
        kept.add(part)
        if (stayed && this.leases.has(part)) continue
        this.lose(part)
        this.leases.set(part, { part, topic, partition, next: null, end: 0n, lost: false })
      }
    }
    for (const part of this.leases.keys()) if (!kept.has(part)) this.lose(part)
    this.joined = { memberId, generationId }
    this.aliveAt = this.deps.clock.monotonicMs()
    this.mayCommit = true
    this.moving?.resolve()
    this.moving = null
    this.deps.log.info(
      { group: this.deps.group, generation: generationId, partitions: kept.size },
      'partitions assigned',
    )
  }

  private loseAll(): void {
    for (const part of this.leases.keys()) this.lose(part)
    this.joined = null
    this.moving?.resolve()
    this.moving = null
  }

  private lose(part: string): void {
    const lease = this.leases.get(part)
    if (lease === undefined) return
    lease.lost = true
    this.leases.delete(part)
  }
}
