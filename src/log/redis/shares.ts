import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock, Timer } from '../../model/clock.ts'
import type { BingoError } from '../../model/errors.ts'
import { groupBusy, logBusy } from '../errors.ts'
import { Batches } from '../batches.ts'
import type { EventRedis } from './connection.ts'
import { ACKNOWLEDGE, LEAVE, TEND } from './log-scripts.ts'
import { PARTITIONS } from './rows.ts'
import { Share } from './share.ts'

/** A reader that says nothing for so long has lost what it held … */
const LEASE_MS = 15_000
/** … so it says something this often, and learns who else is there. */
const TEND_MS = 1_000
const LIMITS = { bytes: 1 << 20, count: 500, waitingBytes: 1 << 24 }
const BYTES_OF_PLACE = 16
/** One script holds up the server while it runs. */
const PLACES_AT_ONCE = 1_000

interface Ack {
  readonly group: string
  readonly places: readonly number[]
}

/**
 * What this instance reads of each group: partitions, by leases that the server's clock decides about. Instances that come
 * and go divide them anew. One that gives a partition up finishes first what it has read of it, so the order of a key is
 * kept; one that is dead loses its partitions with its lease, and acknowledges nothing of them any more.
 */
export class Shares {
  readonly #redis: EventRedis
  readonly #clock: Clock
  readonly #log: string
  readonly #reader = randomUUID()
  readonly #who: string
  /** More may be read. */
  readonly #grown: () => void
  readonly #shares = new Map<string, Share>()
  readonly #acks: Batches<Ack, null>
  #tending: Timer | null = null

  constructor(deps: {
    readonly redis: EventRedis
    readonly clock: Clock
    readonly log: string
    readonly name: string
    readonly grown: () => void
  }) {
    this.#redis = deps.redis
    this.#clock = deps.clock
    this.#log = deps.log
    this.#grown = deps.grown
    this.#who = `${deps.name} (process ${process.pid} on ${hostname()})`.slice(0, 200)
    this.#acks = new Batches(
      (acks) => this.#acknowledgeAll(acks),
      LIMITS,
      () => logBusy(this.#log),
    )
  }

  get reader(): string {
    return this.#reader
  }

  /** A new group begins behind `after`. */
  async join(group: string, after: number): Promise<Share> {
    let share = this.#shares.get(group)
    if (share === undefined) {
      share = new Share()
      this.#shares.set(group, share)
    }
    if (!this.isHeld(share)) await this.#tend(group, share, after)
    this.#tending ??= this.#clock.every(TEND_MS, () => void this.#tendAll())
    return share
  }

  /** What this instance reads of a group, if it does. */
  of(group: string): Share | undefined {
    return this.#shares.get(group)
  }

  /** By the clock of this process: one that was paused must not go on. */
  isHeld(share: Share): boolean {
    return share.untilMs > this.#clock.monotonicMs()
  }

  async acknowledge(group: string, places: readonly number[]): Promise<void> {
    if (places.length === 0) return
    await this.#acks.add({ group, places }, places.length * BYTES_OF_PLACE)
  }

  /** Others need not wait for the leases to run out. */
  async close(): Promise<void> {
    this.#tending?.cancel()
    await this.#acks.drain()
    // One that is still on its way would take everything back.
    await Promise.allSettled([...this.#shares.values()].map(async ({ tending }) => tending))
    const groups = [...this.#shares.keys()]
    this.#shares.clear()
    await Promise.all(groups.map((group) => this.#redis.run(LEAVE, [group, this.#reader])))
  }

  async #tendAll(): Promise<void> {
    for (const [group, share] of this.#shares) {
      // Whoever reads finds out what it is, and says it.
      await this.#tend(group, share, 0).catch(() => undefined)
    }
  }

  #tend(group: string, share: Share, after: number): Promise<void> {
    share.tending ??= this.#tendOnce(group, share, after).finally(() => (share.tending = null))
    return share.tending
  }

  async #tendOnce(group: string, share: Share, after: number): Promise<void> {
    const startedMs = this.#clock.monotonicMs()
    const released = share.drained()
    const args = [group, this.#reader, this.#who, LEASE_MS, PARTITIONS, after, ...released]
    const [run, fair, ...held] = (await this.#redis.run(TEND, args)) as string[]
    share.untilMs = startedMs + LEASE_MS
    const isAnotherRun = share.ranOn(run!)
    if (share.divide(Number(fair), held.map(Number)) || isAnotherRun) this.#grown()
  }

  async #acknowledgeAll(acks: readonly Ack[]): Promise<(null | BingoError)[]> {
    const groups = new Map<string, number[]>()
    for (const { group, places } of acks) {
      const known = groups.get(group)
      if (known === undefined) groups.set(group, [...places])
      else known.push(...places)
    }
    const refused = new Map<string, BingoError>()
    for (const [group, places] of groups) {
      let others = 0
      let holder = ''
      for (let from = 0; from < places.length; from += PLACES_AT_ONCE) {
        const some = places.slice(from, from + PLACES_AT_ONCE)
        const answer = (await this.#redis.run(ACKNOWLEDGE, [group, this.#reader, ...some])) as [number, string]
        others += answer[0]
        if (answer[0] > 0) holder = answer[1]
      }
      if (this.#shares.get(group)?.finished(places) === true) void this.#tendAll()
      if (others > 0) refused.set(group, groupBusy(this.#log, group, holder))
    }
    return acks.map(({ group }) => refused.get(group) ?? null)
  }
}
