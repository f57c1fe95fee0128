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
import { logFull } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import { filterOf } from '../filter.ts'
import { placeNumber } from '../places.ts'
import { planPost, postOf, recordOf, waits } from '../posting.ts'
import type { Bounds, Head, Kept, Post, Write } from '../posting.ts'
import { advance, cancelled, hasEnded, replayed } from '../progress.ts'
import { DueQueue } from './due-queue.ts'
import { MemoryLog } from './log.ts'

/** What changes of a stored event, in place. */
interface Cell {
  kept: Kept
  readonly name: string
  payload: Uint8Array
}

/**
 * Events that end with the process: for trials, tests, and events that may be lost. What has ended makes room when the
 * bounds are reached, and its ids are forgotten then.
 */
export class MemoryEventProvider implements EventProvider {
  readonly description = 'memory:'
  readonly can: ProviderCapabilities = {
    durability: 'memory',
    sharedGroups: false,
    idRetentionMs: 0,
    index: true,
    survivesKill: false,
    orderAcrossInstances: false,
  }
  readonly log = new MemoryLog(this.description, this.can)
  readonly #bounds: Bounds
  /** In the order in which they were stored. */
  readonly #cells = new Map<string, Cell>()
  readonly #waiting = new DueQueue<Cell>()
  readonly #head: Head = { seq: 0, place: 0, count: 0, bytes: 0 }

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  async post(events: readonly NewEvent[], options: PostOptions): Promise<readonly Posted[]> {
    this.log.check()
    const post = postOf(events, options)
    this.#makeRoom(post)
    const { writes, answers } = planPost(post, this.#head, {
      find: (name) => this.#cells.get(name)?.kept,
      bounds: this.#bounds,
      full: () => logFull(this.description),
    })
    for (const write of writes) this.#write(write, options.now)
    this.log.wake()
    return answers
  }

  async get(name: EventName): Promise<EventRecord | null> {
    this.log.check()
    const cell = this.#cells.get(keyOfName(name))
    return cell === undefined ? null : recordOf(cell.kept)
  }

  async list(filter: EventFilter): Promise<EventPage> {
    this.log.check()
    const before = filter.cursor === undefined ? Infinity : placeNumber(filter.cursor)
    const fits = filterOf(filter)
    const found: Kept[] = []
    for (const { kept } of [...this.#cells.values()].reverse()) {
      if (kept.seq < before && fits(recordOf(kept))) found.push(kept)
      if (found.length > filter.limit) break
    }
    const page = found.slice(0, filter.limit)
    const next = found.length > page.length ? String(page.at(-1)?.seq ?? before) : null
    return { events: page.map(recordOf), next }
  }

  async progress(updates: readonly ProgressUpdate[]): Promise<void> {
    this.log.check()
    for (const update of updates) {
      const cell = this.#cells.get(keyOfName(update))
      if (cell !== undefined) cell.kept = { ...cell.kept, progress: advance(cell.kept.progress, update) }
    }
  }

  async cancel(name: EventName, now: number): ReturnType<EventProvider['cancel']> {
    this.log.check()
    const cell = this.#cells.get(keyOfName(name))
    if (cell === undefined) return 'unknown'
    if (cell.kept.progress.status === 'cancelled') return 'already cancelled'
    if (!waits(cell.kept)) return 'too late'
    cell.kept = { ...cell.kept, progress: cancelled(cell.kept.progress, now) }
    return 'cancelled'
  }

  async replay(name: EventName, now: number): ReturnType<EventProvider['replay']> {
    this.log.check()
    const cell = this.#cells.get(keyOfName(name))
    if (cell === undefined) return 'unknown'
    if (cell.kept.progress.status === 'cancelled') return 'cancelled'
    if (waits(cell.kept)) return 'waiting'
    this.#head.place += 1
    cell.kept = { ...cell.kept, place: this.#head.place, progress: replayed(cell.kept.progress, now) }
    this.#append(cell, now)
    this.log.wake()
    return recordOf(cell.kept)
  }

  async due(now: number, limit: number): ReturnType<EventProvider['due']> {
    this.log.check()
    let moved = 0
    for (let first = this.#firstWaiting(); first !== null; first = this.#firstWaiting()) {
      if (first.at > now || moved >= limit) break
      this.#waiting.removeFirst()
      this.#head.place += 1
      first.item.kept = { ...first.item.kept, place: this.#head.place }
      this.#append(first.item, now)
      moved += 1
    }
    if (moved > 0) this.log.wake()
    return { moved, nextAt: this.#firstWaiting()?.at ?? null }
  }

  async expire(before: number): Promise<number> {
    this.log.check()
    this.log.trimAcknowledged()
    let count = 0
    for (const cell of this.#cells.values()) {
      if (cell.kept.progress.createdAt >= before || !this.#isOver(cell)) continue
      this.#remove(cell)
      count += 1
    }
    return count
  }

  async close(): Promise<void> {
    this.log.close()
  }

  #write(write: Write, now: number): void {
    const { kept, payload } = write
    let cell: Cell
    if (write.tag === 'insert') {
      cell = { name: write.name, kept, payload }
      this.#cells.set(write.name, cell)
    } else {
      cell = this.#cells.get(keyOfName(kept.event))!
      Object.assign(cell, { kept, payload })
    }
    if (kept.place > 0) this.#append(cell, now)
    else this.#waiting.add(kept.event.deliverAt!, kept.seq, cell)
  }

  #append({ kept: { event, place }, payload }: Cell, appendedAt: number): void {
    const { id, type, key, source, timestamp } = event
    this.log.append({ id, type, key, source, payload, at: timestamp, place: String(place), appendedAt })
  }

  /** What was cancelled or moved to another time is still in the queue. */
  #firstWaiting(): NonNullable<DueQueue<Cell>['first']> | null {
    for (;;) {
      const first = this.#waiting.first
      if (first === undefined) return null
      if (waits(first.item.kept) && first.item.kept.event.deliverAt === first.at) return first
      this.#waiting.removeFirst()
    }
  }

  /** Ended events go, the oldest first and some more than needed: looking for them takes time. */
  #makeRoom({ events, bytes }: Post): void {
    const { maxEvents, maxBytes } = this.#bounds
    const fits = (): boolean => this.#head.count + events.length <= maxEvents && this.#head.bytes + bytes <= maxBytes
    if (fits()) return
    this.log.trimAcknowledged()
    let more = maxEvents / 64
    for (const cell of this.#cells.values()) {
      if (fits() && --more <= 0) return
      if (this.#isOver(cell)) this.#remove(cell)
    }
  }

  #isOver({ kept: { place, progress } }: Cell): boolean {
    return hasEnded(progress) && place <= this.log.trimmed
  }

  #remove({ name, kept }: Cell): void {
    this.#cells.delete(name)
    this.#head.count -= 1
    this.#head.bytes -= kept.bytes
  }
}
