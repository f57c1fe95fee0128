import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock, Timer } from '../../../model/clock.ts'
import { BingoError } from '../../../model/errors.ts'
import type { GroupStats } from '../../../model/state/event-log.ts'
import { groupBusy, logBusy } from '../../errors.ts'
import { Batches } from '../../batches.ts'
import type { EventDatabase } from '../database.ts'
import { saveAcks } from './group-acks.ts'
import { createGroup, takeTurn } from './group-turn.ts'
import type { Member, Turn } from './group-turn.ts'
import { Share } from './partitions.ts'
import type { EventStore } from '../store.ts'
import { textOf } from '../tables.ts'

/** What an instance reads is free when it says nothing for so long … */
const LEASE_MS = 12_000
/** … so it says something this often, and finds out who came and went. */
const TURN_MS = 2_000
const LIMITS = { bytes: 1 << 20, count: 500, waitingBytes: 1 << 24 }
const BYTES_OF_PLACE = 16

interface Ack {
  readonly group: string
  readonly places: readonly number[]
}

export interface GroupLeasesDeps {
  readonly database: EventDatabase
  readonly clock: Clock
  readonly log: string
  /** Instance name. */
  readonly name: string
  /** This instance may have something else to read. */
  readonly changed: () => void
}

/**
 * What this instance reads of each group. Instances share a group by partitions, each of which belongs to one of them at a
 * time, by a lease: an acknowledgement is written together with a look at the lease, so that one who lost a partition, such
 * as a process that was paused, changes nothing.
 */
export class GroupLeases {
  readonly #deps: GroupLeasesDeps
  readonly #me: Member
  readonly #shares = new Map<string, Share>()
  readonly #turns = new Map<string, Promise<Share>>()
  readonly #acks: Batches<Ack, null>
  #turning: Timer | null = null

  constructor(deps: GroupLeasesDeps) {
    this.#deps = deps
    const holderName = `${deps.name} (process ${process.pid} on ${hostname()})`.slice(0, 200)
    this.#me = { holder: randomUUID(), holderName, leaseMs: LEASE_MS }
    this.#acks = new Batches(
      (acks) => this.#acknowledgeAll(acks),
      LIMITS,
      () => logBusy(deps.log),
    )
  }

  /**
   * Becomes one of those who read the group; a new one begins behind `after`. Rejects with BINGO_LOG_GROUP_BUSY when an
   * instance of an older version reads it alone.
   */
  async join(name: string, after: number): Promise<Share> {
    const known = this.#shares.get(name)
    if (known !== undefined && this.isCurrent(known)) return known
    if (known === undefined) {
      const { database, log } = this.#deps
      await database.transaction((store) => createGroup(store, name, after, log))
    }
    return this.#turn(name)
  }

  /** The leases of this instance hold. */
  isCurrent(share: Share): boolean {
    return share.untilMs > this.#deps.clock.monotonicMs()
  }

  async acknowledge(group: string, places: readonly number[]): Promise<void> {
    await this.join(group, 0)
    await this.#acks.add({ group, places }, places.length * BYTES_OF_PLACE)
  }

  async stats(store: EventStore, last: number, trimmed: number): Promise<GroupStats[]> {
    const groups = await store.queries.selectFrom('bingo_event_groups').select(['name', 'up_to']).execute()
    const counts = await store.queries
      .selectFrom('bingo_event_ahead')
      .select(['name', (queries) => queries.fn.countAll<number>().as('count')])
      .groupBy('name')
      .execute()
    const ahead = new Map(counts.map(({ name, count }) => [textOf(name), count]))
    return groups.map((group) => {
      const name = textOf(group.name)
      const share = this.#shares.get(name)
      return {
        name,
        acknowledged: group.up_to === 0 ? null : String(group.up_to),
        pending: Math.max(0, last - Math.max(group.up_to, trimmed) - (ahead.get(name) ?? 0)),
        ...(share !== undefined && { unread: Math.max(0, last - share.readUpTo) }),
      }
    })
  }

  /** Others need not wait for the leases to run out. */
  async close(): Promise<void> {
    this.#turning?.cancel()
    await this.#acks.drain()
    await Promise.allSettled(this.#turns.values())
    if (this.#shares.size === 0) return
    this.#shares.clear()
    const { holder } = this.#me
    await this.#deps.database.transaction(async ({ queries }) => {
      const free = { holder: null, holder_name: null, lease_until: 0 }
      await queries.updateTable('bingo_event_partitions').set(free).where('holder', '=', holder).execute()
      await queries.deleteFrom('bingo_event_members').where('holder', '=', holder).execute()
    })
  }

  /** One at a time for each group. */
  #turn(name: string): Promise<Share> {
    const running = this.#turns.get(name)
    if (running !== undefined) return running
    const turn = this.#turnOnce(name).finally(() => this.#turns.delete(name))
    this.#turns.set(name, turn)
    return turn
  }

  async #turnOnce(name: string): Promise<Share> {
    const { database, clock, changed } = this.#deps
    const startedMs = clock.monotonicMs()
    const known = this.#shares.get(name) ?? null
    const turn = await database.transaction((store) => takeTurn(store, name, this.#me, known))
    const share = known ?? new Share(turn.partitions, turn.upTo)
    takeOver(share, turn)
    share.untilMs = startedMs + LEASE_MS
    this.#shares.set(name, share)
    this.#turning ??= clock.every(TURN_MS, () => void this.#turnAll())
    if (turn.taken.length > 0) changed()
    return share
  }

  async #turnAll(): Promise<void> {
    // A server that is down is reported by who reads; the leases run out meanwhile.
    await Promise.allSettled([...this.#shares.keys()].map((name) => this.#turn(name)))
  }

  async #acknowledgeAll(acks: readonly Ack[]): Promise<(null | BingoError)[]> {
    const lost = new Map<string, Set<number>>()
    for (const [group, ofGroup] of Map.groupBy(acks, (ack) => ack.group)) {
      const places = [...new Set(ofGroup.flatMap((ack) => ack.places))]
      lost.set(group, await this.#save(group, places))
    }
    return acks.map(({ group, places }) =>
      places.some((place) => lost.get(group)!.has(place))
        ? groupBusy(this.#deps.log, group, 'another instance, as far as these entries go')
        : null,
    )
  }

  /** Answers those of partitions that another instance has. */
  async #save(name: string, places: readonly number[]): Promise<Set<number>> {
    const share = this.#shares.get(name)
    if (share === undefined) return new Set(places)
    const saved = await this.#deps.database.transaction((store) =>
      saveAcks(store, name, this.#me.holder, share, places),
    )
    share.acknowledged(saved.places, saved.upTo)
    share.mayBeAhead = saved.mayBeAhead
    const done = new Set(saved.places)
    return new Set(places.filter((place) => !done.has(place)))
  }
}

/** What is in the tables is in memory then. */
function takeOver(share: Share, { upTo, taken, held, ahead }: Turn): void {
  const isTaken = new Set(taken)
  for (const tenure of share.tenures.values()) {
    if (!held.has(tenure.partition) || isTaken.has(tenure.partition)) share.lose(tenure)
  }
  share.acknowledged(ahead ?? [], upTo)
  if (ahead !== null) share.mayBeAhead = ahead.length > 0
  for (const partition of held) if (!share.tenures.has(partition)) share.take(partition)
}
