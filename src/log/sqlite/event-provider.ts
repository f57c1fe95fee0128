import { inTransaction } from '../../clients/sqlite/sqlite.ts'
import { systemClock } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'
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
import { logBusy, logClosed, logFull } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import type { PagesFrom } from '../indexed/contract.ts'
import { hasRoom, planNew, planPost, postOf, recordOf, undoNew, waits } from '../posting.ts'
import type { Bounds, Post } from '../posting.ts'
import { advance, cancelled, replayed } from '../progress.ts'
import { fileError } from './errors.ts'
import { EventTables } from './event-tables.ts'
import { removeEnded } from './expiry.ts'
import { GroupCommit } from './group-commit.ts'
import { listEvents } from './listing.ts'
import { SqliteLog } from './log.ts'

export interface SqliteProviderOptions extends Bounds {
  readonly path: string
  readonly idRetentionMs: number
  readonly clock?: Pick<Clock, 'now'>
  /** Where readers get their entries, if not from the file. */
  readonly pages?: PagesFrom | undefined
}

const MAX_WAITING_BYTES = 64 << 20
/** Outcomes and status of one event, about. */
const PROGRESS_BYTES = 300
/** More would hold up the process, and what is posted meanwhile, for more than a millisecond or two. */
const UPDATES_AT_ONCE = 50

/**
 * Posted events in an embedded database file, of one process. What is answered is on disk; what comes in at the same time
 * shares one transaction, and so do an event, its place in the log, and its time. The file is made and opened with the
 * first use.
 */
export class SqliteEventProvider implements EventProvider {
  readonly description: string
  readonly can: ProviderCapabilities
  readonly log: SqliteLog
  readonly #options: SqliteProviderOptions
  readonly #clock: Pick<Clock, 'now'>
  readonly #commits: GroupCommit
  #opened: EventTables | null = null
  #closing: Promise<void> | null = null
  #closed = false

  constructor(options: SqliteProviderOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.description = `file:${options.path}`
    this.can = {
      durability: 'fsync',
      sharedGroups: false,
      idRetentionMs: options.idRetentionMs,
      index: true,
      survivesKill: true,
      orderAcrossInstances: false,
    }
    this.#commits = new GroupCommit({
      transact: (work) => this.#transact(work),
      sync: () => this.#sync(),
      maxWaitingBytes: MAX_WAITING_BYTES,
      busy: () => logBusy(this.description),
    })
    this.log = new SqliteLog(this.description, this.can, {
      closed: () => this.#closed,
      use: (work) => this.#use(work),
      write: (work) => this.#write(0, work),
      note: (work) => this.#write(0, work, false),
      pages: options.pages,
    })
  }

  async post(events: readonly NewEvent[], options: PostOptions): Promise<readonly Posted[]> {
    const post = postOf(events, options)
    return this.#write(post.bytes, (tables) => this.#post(tables, post))
  }

  #post(tables: EventTables, post: Post): readonly Posted[] {
    const { now } = post.options
    if (post.events.length === 1 && hasRoom(tables.head, post, this.#options)) {
      // Nearly all are new: then there is nothing to look up.
      const fresh = planNew(post, 0, tables.head)
      if (tables.insert(fresh, now)) return [{ tag: 'stored', record: recordOf(fresh.kept) }]
      undoNew(fresh, tables.head)
    }
    const { writes, answers } = planPost(post, tables.head, {
      find: (name) => tables.find(name),
      bounds: this.#options,
      full: () => logFull(this.description),
    })
    for (const write of writes) tables.write(write, now)
    return answers
  }

  async get(name: EventName): Promise<EventRecord | null> {
    const kept = this.#use((tables) => tables.find(keyOfName(name)))
    return kept === undefined ? null : recordOf(kept)
  }

  async list(filter: EventFilter): Promise<EventPage> {
    const newest = this.#use(({ head }) => head.seq)
    return listEvents(filter, newest, (work) => this.#use(({ database }) => work(database)))
  }

  async progress(updates: readonly ProgressUpdate[]): Promise<void> {
    for (let at = 0; at < updates.length; at += UPDATES_AT_ONCE) {
      const part = updates.slice(at, at + UPDATES_AT_ONCE)
      // What a loss of power takes of it is not acknowledged either, and runs again.
      await this.#write(part.length * PROGRESS_BYTES, (tables) => this.#advance(tables, part), false)
    }
  }

  #advance(tables: EventTables, updates: readonly ProgressUpdate[]): void {
    for (const update of updates) {
      const name = keyOfName(update)
      // Most have ended by the first time that they are written.
      if (tables.saveFirstProgress(name, update)) continue
      const kept = tables.progressOf(name)
      if (kept === undefined) continue
      const progress = advance(kept.progress, update)
      if (progress !== kept.progress) tables.saveProgress(kept.seq, progress)
    }
  }

  async cancel(name: EventName, now: number): ReturnType<EventProvider['cancel']> {
    return this.#write(PROGRESS_BYTES, (tables) => {
      const kept = tables.find(keyOfName(name))
      if (kept === undefined) return 'unknown'
      if (kept.progress.status === 'cancelled') return 'already cancelled'
      if (!waits(kept)) return 'too late'
      tables.unschedule(kept.event.deliverAt, kept.seq)
      tables.saveProgress(kept.seq, cancelled(kept.progress, now))
      return 'cancelled'
    })
  }

  async replay(name: EventName, now: number): ReturnType<EventProvider['replay']> {
    return this.#write(PROGRESS_BYTES, (tables) => {
      const kept = tables.find(keyOfName(name))
      if (kept === undefined) return 'unknown'
      if (kept.progress.status === 'cancelled') return 'cancelled'
      if (waits(kept)) return 'waiting'
      const progress = replayed(kept.progress, now)
      tables.append(kept.seq, now)
      tables.saveProgress(kept.seq, progress)
      return recordOf({ ...kept, progress })
    })
  }

  async due(now: number, limit: number): ReturnType<EventProvider['due']> {
    const first = this.#use((tables) => tables.nextDueAt())
    if (first === null || first > now) return { moved: 0, nextAt: first }
    return this.#write(limit, (tables) => {
      const due = tables.due(now, limit)
      for (const { dueAt, event } of due) {
        tables.append(event, now)
        tables.unschedule(dueAt, event)
      }
      return { moved: due.length, nextAt: tables.nextDueAt() }
    })
  }

  async expire(before: number): Promise<number> {
    await this.log.trimAcknowledged()
    const limit = Math.min(before, this.#clock.now() - this.#options.idRetentionMs)
    return removeEnded(limit, (work) => this.#write(0, work))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#commits.drain()
    this.#closed = true
    this.log.wake()
    this.#opened?.close()
    this.#opened = null
  }

  /** In a transaction that it may share; durable when it resolves. `isLasting`: see GroupCommit. */
  #write<T>(bytes: number, work: (tables: EventTables) => T, isLasting = true): Promise<T> {
    if (this.#closing !== null) return Promise.reject(logClosed(this.description))
    return this.#commits.run(bytes, () => work(this.#open()), isLasting)
  }

  async #sync(): Promise<void> {
    try {
      await this.#opened?.sync()
    } catch (error) {
      throw fileError(this.description, error)
    }
    // What is read has to be on disk: an effect must not outlive its event.
    this.log.wake()
  }

  #transact(work: () => void): void {
    this.#use((tables) => {
      tables.mend()
      const before = { ...tables.head }
      try {
        inTransaction(tables.database, () => {
          work()
          tables.finish(before.seq)
        })
      } catch (error) {
        tables.undo(before)
        throw error
      }
    })
  }

  #use<T>(work: (tables: EventTables) => T): T {
    try {
      return work(this.#open())
    } catch (error) {
      throw fileError(this.description, error)
    }
  }

  #open(): EventTables {
    if (this.#closed) throw logClosed(this.description)
    this.#opened ??= new EventTables(this.#options.path, this.description)
    return this.#opened
  }
}
