import { encodeEnvelope } from '../model/event/forms/event-codec.ts'
import type { EventEnvelope, EventProgress } from '../model/event/posted/event-record.ts'
import type { LogEntry } from '../model/state/event-log.ts'
import type { NewEvent, Posted, PostOptions } from '../model/state/event-provider.ts'
import { judge } from './duplicate.ts'
import { eventConflict } from './errors.ts'
import { keyOfName } from './event-name.ts'
import { freshProgress } from './progress.ts'

/** A stored event. */
export interface Kept {
  readonly seq: number
  /** Of its newest entry in the log; 0: it never entered it. */
  readonly place: number
  readonly bytes: number
  readonly event: EventEnvelope
  readonly progress: EventProgress
}

/** What one call wants to store, written as it will be stored. */
export interface Post {
  readonly events: readonly NewEvent[]
  readonly names: readonly string[]
  readonly payloads: readonly Uint8Array[]
  readonly bytes: number
  readonly options: PostOptions
}

/** Counts up; everything in a store that all posts share. */
export interface Head {
  /** The newest event and place that there ever were. */
  seq: number
  place: number
  /** Stored events and the bytes of their envelopes. */
  count: number
  bytes: number
}

export interface Insert {
  readonly tag: 'insert'
  readonly name: string
  readonly kept: Kept
  readonly payload: Uint8Array
  /** As in NewEvent. */
  readonly read: EventEnvelope | undefined
}
export interface Update {
  readonly tag: 'update'
  readonly before: Kept
  readonly kept: Kept
  readonly payload: Uint8Array
}
export type Write = Insert | Update

export interface Bounds {
  readonly maxEvents: number
  readonly maxBytes: number
}

export function postOf(events: readonly NewEvent[], options: PostOptions): Post {
  const payloads = events.map(({ event, encoded }) => encoded ?? encodeEnvelope(event))
  return {
    events,
    names: events.map(({ event }) => keyOfName(event)),
    payloads,
    bytes: payloads.reduce((sum, { byteLength }) => sum + byteLength, 0),
    options,
  }
}

/** What a post comes to: what is written, and what is answered when that is durable. */
export interface Plan {
  readonly writes: readonly Write[]
  readonly answers: readonly Posted[]
}

/** What a new event is in the log, from a place of its own. */
export function newEntry({ kept: { event }, payload, read }: Insert, place: number, appendedAt: number): LogEntry {
  const { id, type, key, source, timestamp } = event
  return { id, type, key, source, at: timestamp, payload, event: read, place: String(place), appendedAt }
}

/** Whether an event waits for its time. */
export function waits({ place, progress }: Kept): boolean {
  return place === 0 && progress.status === 'pending'
}

export function recordOf({ event, progress }: Kept): Posted['record'] {
  return {
    ...event,
    status: progress.status,
    matched: progress.matched,
    createdAt: progress.createdAt,
    updatedAt: progress.updatedAt,
    processedAt: progress.processedAt,
    deliveredAt: progress.deliveredAt,
    completedAt: progress.completedAt,
    cancelledAt: progress.cancelledAt,
    retryCount: progress.retryCount,
    error: progress.error,
    outcomes: progress.outcomes,
  }
}

/** Whether the post is taken even if all of it is new. */
export function hasRoom(head: Head, { events, bytes }: Post, { maxEvents, maxBytes }: Bounds): boolean {
  return head.count + events.length <= maxEvents && head.bytes + bytes <= maxBytes
}

/** The event of a post as one that is new, with the next place if it is due; moves the head on. */
export function planNew({ events, names, payloads, options: { now } }: Post, index: number, head: Head): Insert {
  const { event, read } = events[index]!
  const payload = payloads[index]!
  const bytes = payload.byteLength
  head.seq += 1
  head.count += 1
  head.bytes += bytes
  const place = isDue(event, now) ? (head.place += 1) : 0
  const kept = { seq: head.seq, place, bytes, event, progress: freshProgress(now) }
  return { tag: 'insert', name: names[index]!, kept, payload, read }
}

/** It was not new after all. */
export function undoNew({ kept: { place, bytes } }: Insert, head: Head): void {
  head.seq -= 1
  head.count -= 1
  head.bytes -= bytes
  if (place > 0) head.place -= 1
}

function isDue({ deliverAt }: EventEnvelope, now: number): boolean {
  return deliverAt === null || deliverAt <= now
}

/**
 * Decides about each event of a post, and moves the head on. Throws BINGO_EVENT_CONFLICT or what `full` makes, with the
 * head as it was. `find`: what is stored under a name, earlier writes of the same transaction included.
 */
export function planPost(
  post: Post,
  head: Head,
  deps: { readonly find: (name: string) => Kept | undefined; readonly bounds: Bounds; readonly full: () => Error },
): Plan {
  const before = { ...head }
  try {
    return new Planner(post, head, deps.find).plan(() => {
      const grew = head.count > before.count || head.bytes > before.bytes
      if (grew && (head.count > deps.bounds.maxEvents || head.bytes > deps.bounds.maxBytes)) throw deps.full()
    })
  } catch (error) {
    Object.assign(head, before)
    throw error
  }
}

class Planner {
  readonly #post: Post
  readonly #head: Head
  readonly #find: (name: string) => Kept | undefined
  readonly #writes: Write[] = []
  /** Written by this call: an id may be in it twice. Most calls have one event, and then there is nothing to look up. */
  readonly #own: Map<string, Kept> | null

  constructor(post: Post, head: Head, find: (name: string) => Kept | undefined) {
    this.#post = post
    this.#head = head
    this.#find = find
    this.#own = post.events.length > 1 ? new Map() : null
  }

  plan(check: () => void): Plan {
    const answers = this.#post.events.map((event, i) => this.#one(event, i))
    check()
    return { writes: this.#writes, answers }
  }

  #one(posted: NewEvent, index: number): Posted {
    const name = this.#post.names[index]!
    const known = this.#own?.get(name) ?? this.#find(name)
    if (known === undefined) {
      const write = planNew(this.#post, index, this.#head)
      this.#write(write, name)
      return { tag: 'stored', record: recordOf(write.kept) }
    }
    const { now, onConflict } = this.#post.options
    const verdict = judge(known.event, waits(known), posted, now)
    if (verdict.tag === 'updated') return this.#update(known, name, verdict.event)
    if (verdict.tag === 'conflict' && onConflict === 'error') throw eventConflict(posted.event.id)
    return { tag: verdict.tag, record: recordOf(known) }
  }

  #update(before: Kept, name: string, event: EventEnvelope): Posted {
    const payload = encodeEnvelope(event)
    this.#head.bytes += payload.byteLength - before.bytes
    const { now } = this.#post.options
    const progress = { ...before.progress, updatedAt: now }
    const place = isDue(event, now) ? (this.#head.place += 1) : 0
    const kept = { ...before, place, bytes: payload.byteLength, event, progress }
    this.#write({ tag: 'update', before, kept, payload }, name)
    return { tag: 'updated', record: recordOf(kept) }
  }

  #write(write: Write, name: string): void {
    this.#writes.push(write)
    this.#own?.set(name, write.kept)
  }
}
