import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../model/clock.ts'
import type { Capabilities, LogEntry, LogStats, Place, ReadOptions } from '../../model/state/event-log.ts'
import { followPages, oneByOne, Readers, Wake } from '../follow.ts'
import type { Entries } from '../follow.ts'
import type { IndexLog, PagesFrom } from '../indexed/contract.ts'
import { placeNumber } from '../places.ts'
import type { EventDatabase } from './database.ts'
import { GroupLeases } from './groups/group-leases.ts'
import type { Share } from './groups/partitions.ts'
import { entryOf } from './rows.ts'
import { followShare } from './groups/shared-reader.ts'
import { EventStore } from './store.ts'

/** Entries given to a reader at once. */
const PAGE = 256
/** What other instances post is found within this time. */
const POLL_MS = 250
/** Entries removed in one transaction. */
const REMOVED = 10_000

export interface SqlLogDeps {
  readonly database: EventDatabase
  readonly closed: () => boolean
  readonly clock: Clock
  /** Instance name. */
  readonly name: string
  /** Where readers get their entries, if not from the tables. */
  readonly pages: PagesFrom | undefined
}

/** The log of a database server: what is read by the rules. */
export class SqlLog implements IndexLog {
  readonly description: string
  readonly can: Capabilities
  readonly #deps: SqlLogDeps
  readonly #wake = new Wake()
  readonly #readers: Readers
  readonly #leases: GroupLeases
  #polling: Timer | null = null
  #newest = 0

  constructor(description: string, can: Capabilities, deps: SqlLogDeps) {
    this.description = description
    this.can = can
    this.#deps = deps
    this.#readers = new Readers(description)
    this.#leases = new GroupLeases({ ...deps, log: description, changed: () => this.wake() })
  }

  async *read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    const after = from === null ? 0 : placeNumber(from)
    const leave = this.#readers.enter(options.group)
    this.#polling ??= this.#deps.clock.every(POLL_MS, () => void this.#poll())
    try {
      if (options.group === undefined) yield* oneByOne(followPages(this.#entries(), after, options), options)
      else yield* this.#readShare(options.group, from, options)
    } finally {
      leave()
    }
  }

  #entries(): Entries {
    return {
      closed: this.#deps.closed,
      more: () => this.#wake.next,
      page: (place) => this.#page(place).catch((error: unknown) => this.#endOr<readonly LogEntry[]>(error, [])),
    }
  }

  async *#readShare(group: string, from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    const leases = this.#leases
    const joined = await leases.join(group, from === null ? 0 : placeNumber(from))
    if (from === null) joined.restart()
    yield* followShare(
      {
        ...this.#entries(),
        share: () => leases.join(group, 0).catch((error: unknown) => this.#endOr<Share>(error, joined)),
        isCurrent: (share) => leases.isCurrent(share),
        skip: (places) => leases.acknowledge(group, places),
      },
      options,
    )
  }

  async ack(group: string, places: readonly Place[]): Promise<void> {
    await this.#leases.acknowledge(group, places.map(placeNumber))
  }

  async trim(before: Place): Promise<number> {
    return this.#remove(placeNumber(before) - 1)
  }

  /** Removes what every group has acknowledged; without one nothing was. */
  async trimAcknowledged(): Promise<void> {
    const slowest = await this.#deps.database.use((queries) =>
      queries
        .selectFrom('bingo_event_groups')
        .select(({ fn }) => fn.min('up_to').as('upTo'))
        .executeTakeFirst(),
    )
    if (typeof slowest?.upTo === 'number') await this.#remove(slowest.upTo)
  }

  async stats(): Promise<LogStats> {
    return this.#deps.database.transaction(async (store) => {
      const { place, trimmed, bytes } = await store.head()
      const count = place - trimmed
      return {
        count,
        bytes,
        first: count === 0 ? null : String(trimmed + 1),
        last: count === 0 ? null : String(place),
        groups: await this.#leases.stats(store, place, trimmed),
      }
    })
  }

  wake(): void {
    this.#wake.ring()
  }

  async close(): Promise<void> {
    this.#polling?.cancel()
    await this.#leases.close()
  }

  async identity(): Promise<string> {
    const { identity } = await this.#deps.database.use(async (queries, dialect) => {
      const columns = [
        ['id', 'integer'],
        ['identity', 'text'],
      ] as const
      const known = { key: 'id', replace: [] }
      await queries.executeQuery(dialect.insert('bingo_event_identity', columns, [[1, randomUUID()]], known))
      return queries.selectFrom('bingo_event_identity').select('identity').executeTakeFirstOrThrow()
    })
    return `sql-${identity}`
  }

  async extent(): ReturnType<IndexLog['extent']> {
    const head = await this.#deps.database.use((queries, dialect) => new EventStore(queries, dialect).head())
    return { newest: head.place, trimmed: head.trimmed }
  }

  async #page(after: number): Promise<readonly LogEntry[]> {
    return (this.#deps.pages ?? ((place) => this.entries(place)))(after)
  }

  async entries(after: number): Promise<readonly LogEntry[]> {
    const rows = await this.#deps.database.use((queries) =>
      queries
        .selectFrom('bingo_event_log as l')
        .innerJoin('bingo_events as e', 'e.seq', 'l.event')
        .select([
          'l.place',
          'l.appended_at',
          'e.name',
          'e.type',
          'e.source',
          'e.event_key',
          'e.happened_at',
          'e.envelope',
        ])
        .where('l.place', '>', after)
        .orderBy('l.place')
        .limit(PAGE)
        .execute(),
    )
    return rows.map(entryOf)
  }

  /** A log that was closed meanwhile ends its readers, without an error. */
  #endOr<T>(error: unknown, end: T): T {
    if (this.#deps.closed()) return end
    throw error
  }

  async #remove(upTo: number): Promise<number> {
    let removed = 0
    for (let more = true; more;) {
      const count = await this.#deps.database.transaction(async (store) => {
        const head = await store.lockHead()
        const slowest = await slowestOf(store)
        const bound = Math.min(upTo, slowest, head.place, head.trimmed + REMOVED)
        if (bound <= head.trimmed) return 0
        const { numDeletedRows } = await store.queries
          .deleteFrom('bingo_event_log')
          .where('place', '<=', bound)
          .executeTakeFirst()
        await store.saveHead({ ...head, trimmed: bound })
        return Number(numDeletedRows)
      })
      removed += count
      more = count === REMOVED
    }
    return removed
  }

  async #poll(): Promise<void> {
    try {
      const { place } = await this.#deps.database.use((queries, dialect) => new EventStore(queries, dialect).head())
      if (place === this.#newest) return
      this.#newest = place
    } catch {
      // The readers find out what it is, and say it.
    }
    this.#wake.ring()
  }
}

/** What every group has acknowledged. */
async function slowestOf({ queries }: EventStore): Promise<number> {
  const rows = await queries.selectFrom('bingo_event_groups').select('up_to').execute()
  return Math.min(Infinity, ...rows.map(({ up_to }) => up_to))
}
