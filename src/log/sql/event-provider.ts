import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { EventRecord } from '../../model/event/posted/event-record.ts'
import type {
  EventFilter,
  EventName,
  EventPage,
  EventProvider,
  NewEvent,
  Posted,
  PostOptions,
  ProgressUpdate,
  ProviderCapabilities,
} from '../../model/state/event-provider.ts'
import { logBusy, logClosed } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import type { PagesFrom } from '../indexed/contract.ts'
import { postOf, recordOf, waits } from '../posting.ts'
import type { Bounds, Kept } from '../posting.ts'
import { advance, cancelled, replayed } from '../progress.ts'
import type { SqlAddress } from '../../clients/sql/address.ts'
import { BatchedPosts } from '../batched-posts.ts'
import { Batches } from '../batches.ts'
import { EventDatabase } from './database.ts'
import { removeEnded } from './expiry.ts'
import { listEvents } from './listing.ts'
import { SqlLog } from './log.ts'
import { SqlPosts } from './posts.ts'
import { moveDue, nextDueAt } from './schedule.ts'
import { EventStore } from './store.ts'

export interface SqlProviderOptions extends Bounds {
  readonly address: SqlAddress
  /** Instance name. */
  readonly name: string
  readonly idRetentionMs: number
  readonly clock: Clock
  /** Where readers get their entries, if not from the tables. */
  readonly pages?: PagesFrom | undefined
}

const UPDATES = { bytes: 4 << 20, count: 200, waitingBytes: 64 << 20 }
/** Outcomes and status of one event, about. */
const PROGRESS_BYTES = 300

/**
 * Posted events on a MySQL, MariaDB or PostgreSQL that several instances may share. What is answered is committed; what
 * comes in while one transaction is under way goes into the next one. Tables are made with the first use.
 */
export class SqlEventProvider implements EventProvider {
  readonly description: string
  readonly can: ProviderCapabilities
  readonly log: SqlLog
  readonly #options: SqlProviderOptions
  readonly #posts: BatchedPosts
  readonly #updates: Batches<readonly ProgressUpdate[], null>
  readonly #database: EventDatabase
  #closed = false

  constructor(options: SqlProviderOptions) {
    this.#options = options
    this.description = options.address.printable
    this.#database = new EventDatabase(options.address)
    this.can = {
      durability: 'server',
      sharedGroups: true,
      idRetentionMs: options.idRetentionMs,
      index: true,
      survivesKill: true,
      orderAcrossInstances: true,
    }
    const busy = (): BingoError => logBusy(this.description)
    this.#posts = new BatchedPosts(new SqlPosts(this.#database, options, this.description), this.description)
    this.#updates = new Batches(
      (updates) => this.#database.transaction((store) => this.#advance(store, updates)),
      UPDATES,
      busy,
    )
    const { clock, name, pages } = options
    this.log = new SqlLog(this.description, this.can, {
      database: this.#database,
      closed: () => this.#closed,
      clock,
      name,
      pages,
    })
  }

  async post(events: readonly NewEvent[], options: PostOptions): Promise<readonly Posted[]> {
    if (this.#closed) throw logClosed(this.description)
    const answers = await this.#posts.add(postOf(events, options))
    this.log.wake()
    return answers
  }

  async get(name: EventName): Promise<EventRecord | null> {
    const key = keyOfName(name)
    const found = await this.#database.use((queries, dialect) => new EventStore(queries, dialect).find([key]))
    const kept = found.get(key)
    return kept === undefined ? null : recordOf(kept)
  }

  list(filter: EventFilter): Promise<EventPage> {
    return this.#database.use((queries) => listEvents(filter, queries))
  }

  async progress(updates: readonly ProgressUpdate[]): Promise<void> {
    if (this.#closed) throw logClosed(this.description)
    if (updates.length > 0) await this.#updates.add(updates, updates.length * PROGRESS_BYTES)
  }

  cancel(name: EventName, now: number): ReturnType<EventProvider['cancel']> {
    return this.#database.transaction(async (store) => {
      await store.lockHead()
      const kept = await locked(store, name)
      if (kept === undefined) return 'unknown'
      if (kept.progress.status === 'cancelled') return 'already cancelled'
      if (!waits(kept)) return 'too late'
      await store.unschedule(kept)
      await store.saveProgress([{ seq: kept.seq, progress: cancelled(kept.progress, now) }])
      return 'cancelled'
    })
  }

  async replay(name: EventName, now: number): ReturnType<EventProvider['replay']> {
    const answer = await this.#database.transaction(async (store) => {
      const head = await store.lockHead()
      const kept = await locked(store, name)
      if (kept === undefined) return 'unknown'
      if (kept.progress.status === 'cancelled') return 'cancelled'
      if (waits(kept)) return 'waiting'
      const place = head.place + 1
      const progress = replayed(kept.progress, now)
      await store.append([[place, kept.seq, now]])
      await store.queries.updateTable('bingo_events').set({ place }).where('seq', '=', kept.seq).execute()
      await store.saveProgress([{ seq: kept.seq, progress }])
      await store.saveHead({ ...head, place })
      return recordOf({ ...kept, progress })
    })
    this.log.wake()
    return answer
  }

  async due(now: number, limit: number): ReturnType<EventProvider['due']> {
    const first = await this.#database.use((queries, dialect) => nextDueAt(new EventStore(queries, dialect)))
    if (first === null || first > now) return { moved: 0, nextAt: first }
    const answer = await this.#database.transaction(async (store) => {
      const moved = await moveDue(store, now, limit)
      return { moved, nextAt: await nextDueAt(store) }
    })
    this.log.wake()
    return answer
  }

  async expire(before: number): Promise<number> {
    await this.log.trimAcknowledged()
    const { clock, idRetentionMs } = this.#options
    return removeEnded(Math.min(before, clock.now() - idRetentionMs), this.#database)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.all([this.#posts.drain(), this.#updates.drain()])
    this.log.wake()
    // The leases of a server that is down run out.
    await this.log.close().catch(() => undefined)
    await this.#database.end()
  }

  async #advance(store: EventStore, updates: readonly (readonly ProgressUpdate[])[]): Promise<null[]> {
    const names = updates.flat().map(keyOfName)
    await store.lock(names)
    const known = await store.findProgress(names)
    const changed = new Map<string, Pick<Kept, 'seq' | 'progress'>>()
    for (const [i, update] of updates.flat().entries()) {
      const kept = changed.get(names[i]!) ?? known.get(names[i]!)
      if (kept !== undefined) changed.set(names[i]!, { seq: kept.seq, progress: advance(kept.progress, update) })
    }
    await store.saveProgress([...changed.values()])
    return updates.map(() => null)
  }
}

async function locked(store: EventStore, name: EventName): Promise<Kept | undefined> {
  const key = keyOfName(name)
  await store.lock([key])
  return (await store.find([key])).get(key)
}
