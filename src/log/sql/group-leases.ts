import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { sql } from '../../clients/kysely.ts'
import type { Clock, Timer } from '../../model/clock.ts'
import type { GroupStats } from '../../model/state/event-log.ts'
import { groupBusy, logBusy } from '../errors.ts'
import { Acknowledged } from '../places.ts'
import { Batches } from './batches.ts'
import type { EventDatabase } from './database.ts'
import { AHEAD_COLUMNS } from './rows.ts'
import type { EventStore } from './store.ts'
import { textOf } from './tables.ts'

/** A group whose holder says nothing for so long is free … */
const LEASE_MS = 15_000
/** … so it says something this often. */
const RENEW_MS = 4_000
const LIMITS = { bytes: 1 << 20, count: 500, waitingBytes: 1 << 24 }
const BYTES_OF_PLACE = 16

interface Held {
  acknowledged: Acknowledged
  /** Places behind `upTo` may stand in the table. */
  ahead: boolean
  /** By the monotonic clock of this process; of the last renewal that worked. */
  untilMs: number
}

interface Ack {
  readonly group: string
  readonly places: readonly number[]
}

/**
 * The groups that this instance reads. Several instances share the store, and a group belongs to one of them at a time, by
 * a lease: every acknowledgement checks it in its own statement, so one that lost its group changes nothing.
 */
export class GroupLeases {
  readonly #database: EventDatabase
  readonly #clock: Clock
  readonly #log: string
  readonly #holder = randomUUID()
  readonly #holderName: string
  readonly #held = new Map<string, Held>()
  readonly #acks: Batches<Ack, null>
  #renewing: Timer | null = null

  constructor(deps: {
    readonly database: EventDatabase
    readonly clock: Clock
    readonly log: string
    readonly name: string
  }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#log = deps.log
    this.#holderName = `${deps.name} (process ${process.pid} on ${hostname()})`.slice(0, 200)
    this.#acks = new Batches(
      (acks) => this.#acknowledgeAll(acks),
      LIMITS,
      () => logBusy(this.#log),
    )
  }

  /** A new group begins behind `after`. Rejects with BINGO_LOG_GROUP_BUSY when another instance has it. */
  async join(name: string, after: number): Promise<void> {
    const known = this.#held.get(name)
    if (known !== undefined && known.untilMs > this.#clock.monotonicMs()) return
    const startedMs = this.#clock.monotonicMs()
    const held = await this.#database.transaction(async (store) => {
      // Locked: nothing is trimmed that the new group has to read.
      const { trimmed } = await store.lockHead()
      await this.#create(store, name, Math.max(after, trimmed))
      await this.#take(store, name)
      return this.#load(store, name)
    })
    this.#held.set(name, { ...held, untilMs: startedMs + LEASE_MS })
    this.#renewing ??= this.#clock.every(RENEW_MS, () => void this.#renewAll().catch(() => undefined))
  }

  /** Of a group that was joined. */
  of(name: string): Acknowledged {
    const held = this.#held.get(name)
    if (held === undefined) throw groupBusy(this.#log, name, 'another instance')
    return held.acknowledged
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
    return groups.map(({ name, up_to }) => ({
      name: textOf(name),
      acknowledged: up_to === 0 ? null : String(up_to),
      pending: Math.max(0, last - Math.max(up_to, trimmed) - (ahead.get(textOf(name)) ?? 0)),
    }))
  }

  /** Others need not wait for the leases to run out. */
  async close(): Promise<void> {
    this.#renewing?.cancel()
    await this.#acks.drain()
    if (this.#held.size === 0) return
    this.#held.clear()
    await this.#database.use((queries) =>
      queries
        .updateTable('bingo_event_groups')
        .set({ holder: null, lease_until: 0 })
        .where('holder', '=', this.#holder)
        .execute(),
    )
  }

  async #create({ queries, dialect }: EventStore, name: string, upTo: number): Promise<void> {
    const columns = [
      ['name', 'text'],
      ['up_to', 'bigint'],
      ['lease_until', 'bigint'],
    ] as const
    await queries.executeQuery(
      dialect.insert('bingo_event_groups', columns, [[name, upTo, 0]], { key: 'name', replace: [] }),
    )
  }

  async #take({ queries, dialect }: EventStore, name: string): Promise<void> {
    const { numUpdatedRows } = await queries
      .updateTable('bingo_event_groups')
      .set({
        holder: this.#holder,
        holder_name: this.#holderName,
        lease_until: sql<number>`${dialect.now} + ${LEASE_MS}`,
      })
      .where('name', '=', name)
      .where((where) =>
        where.or([
          where('holder', 'is', null),
          where('holder', '=', this.#holder),
          where('lease_until', '<', dialect.now),
        ]),
      )
      .executeTakeFirst()
    if (numUpdatedRows > 0n) return
    const row = await queries
      .selectFrom('bingo_event_groups')
      .select('holder_name')
      .where('name', '=', name)
      .executeTakeFirst()
    throw groupBusy(this.#log, name, textOf(row?.holder_name ?? 'another instance'))
  }

  async #load({ queries }: EventStore, name: string): Promise<Omit<Held, 'untilMs'>> {
    const { up_to } = await queries
      .selectFrom('bingo_event_groups')
      .select('up_to')
      .where('name', '=', name)
      .executeTakeFirstOrThrow()
    const ahead = await queries.selectFrom('bingo_event_ahead').select('place').where('name', '=', name).execute()
    const places = ahead.map(({ place }) => place)
    return { acknowledged: new Acknowledged(up_to, places), ahead: places.length > 0 }
  }

  async #acknowledgeAll(acks: readonly Ack[]): Promise<null[]> {
    const places = new Map<string, number[]>()
    for (const { group, places: acked } of acks) places.set(group, [...(places.get(group) ?? []), ...acked])
    try {
      await this.#database.transaction(async (store) => {
        for (const [group, acked] of places) await this.#save(store, group, acked)
      })
    } catch (error) {
      // What is in memory may be ahead of the table now.
      for (const group of places.keys()) this.#held.delete(group)
      throw error
    }
    return acks.map(() => null)
  }

  async #save({ queries, dialect }: EventStore, name: string, places: readonly number[]): Promise<void> {
    const held = this.#held.get(name)
    if (held === undefined) throw groupBusy(this.#log, name, 'another instance')
    held.acknowledged.add(places)
    const { upTo } = held.acknowledged
    const { numUpdatedRows } = await queries
      .updateTable('bingo_event_groups')
      .set({ up_to: upTo })
      .where('name', '=', name)
      .where('holder', '=', this.#holder)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) throw groupBusy(this.#log, name, 'another instance')
    if (held.ahead) {
      await queries.deleteFrom('bingo_event_ahead').where('name', '=', name).where('place', '<=', upTo).execute()
    }
    const ahead = places.filter((place) => place > upTo)
    held.ahead = held.acknowledged.ahead > 0
    if (ahead.length === 0) return
    const rows = [...new Set(ahead)].map((place) => [name, place])
    const known = { key: 'name', replace: [] }
    await queries.executeQuery(dialect.insert('bingo_event_ahead', AHEAD_COLUMNS, rows, known))
  }

  async #renewAll(): Promise<void> {
    const startedMs = this.#clock.monotonicMs()
    for (const [name, held] of this.#held) {
      const { numUpdatedRows } = await this.#database.use((queries, dialect) =>
        queries
          .updateTable('bingo_event_groups')
          .set({ lease_until: sql<number>`${dialect.now} + ${LEASE_MS}` })
          .where('name', '=', name)
          .where('holder', '=', this.#holder)
          .executeTakeFirst(),
      )
      if (numUpdatedRows > 0n) held.untilMs = startedMs + LEASE_MS
      else this.#held.delete(name)
    }
  }
}
