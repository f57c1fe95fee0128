import { BingoError } from '../../model/errors.ts'
import type { Posted } from '../../model/state/event-provider.ts'
import { logBusy, logFull } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import { planNew, planPost, recordOf } from '../posting.ts'
import type { Bounds, Head, Kept, Post, Write } from '../posting.ts'
import { Batches } from '../batches.ts'
import { changeArguments, type Change } from './changes.ts'
import type { EventRedis } from './connection.ts'
import { partitionOf, progressText, storedEvent, type StoredEvent } from './rows.ts'
import { CHANGE, FIND, POST } from './scripts.ts'

/** One script holds up the server while it runs. */
const LIMITS = { bytes: 4 << 20, count: 1_000, waitingBytes: 64 << 20 }
const MOST_AT_ONCE = 5_000
/** Ids that were sent again come in numbers: so many batches are looked up before the next attempt to do without. */
const LOOKED_UP = 10
/** Others change the same events meanwhile. */
const ATTEMPTS = 20

type Answers = readonly Posted[]

/** Stores posts: what comes in while one batch is written goes into the next one. */
export class Posts {
  readonly #redis: EventRedis
  readonly #bounds: Bounds
  readonly #log: string
  readonly #batches: Batches<Post, Answers>
  #lookUp = 0

  constructor(redis: EventRedis, bounds: Bounds, log: string) {
    this.#redis = redis
    this.#bounds = bounds
    this.#log = log
    this.#batches = new Batches(
      (posts) => this.#store(posts),
      LIMITS,
      () => logBusy(log),
    )
  }

  add(post: Post): Promise<Answers> {
    return this.#batches.add(post, post.bytes)
  }

  drain(): Promise<void> {
    return this.#batches.drain()
  }

  async #store(posts: readonly Post[]): Promise<readonly (Answers | BingoError)[]> {
    if (this.#lookUp > 0) this.#lookUp -= 1
    else {
      const answers = await this.#storeNew(posts)
      if (answers !== null) return answers
      this.#lookUp = LOOKED_UP
    }
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const answers = await this.#storeAny(posts)
      if (answers !== null) return answers
    }
    throw logBusy(this.#log)
  }

  /** Nearly all are new: then there is nothing to look up. Null: they are not, or there is no room for all of them. */
  async #storeNew(posts: readonly Post[]): Promise<readonly Answers[] | null> {
    const names = posts.flatMap((post) => post.names)
    if (names.length > MOST_AT_ONCE || new Set(names).size < names.length) return null
    const head: Head = { seq: 0, place: 0, count: 0, bytes: 0 }
    const events: (string | number)[] = []
    const answers = posts.map((post) => {
      return post.events.map((_, i): Posted => {
        const { name, kept, payload } = planNew(post, i, head)
        const dueAt = kept.place === 0 ? kept.event.deliverAt! : ''
        events.push(name, textOf(payload), dueAt, partitionOf(kept.event.key, name), post.options.now)
        return { tag: 'stored', record: recordOf(kept) }
      })
    })
    if (events.length === 0) return answers
    const stored = await this.#redis.runDurably(POST, [...boundsOf(this.#bounds), ...events])
    return stored === 1 ? answers : null
  }

  /** Null: something has changed since it was read. */
  async #storeAny(posts: readonly Post[]): Promise<readonly (Answers | BingoError)[] | null> {
    const names = [...new Set(posts.flatMap((post) => post.names))]
    const found = (await this.#redis.run(FIND, ['1', ...names])) as string[]
    const known = new Map<string, StoredEvent>()
    for (const [i, name] of names.entries()) {
      const [meta, body, progress] = found.slice(2 + i * 3) as [string, string, string]
      if (meta !== '') known.set(name, storedEvent(meta, body, progress))
    }
    const plan = new Plan(known, { seq: 0, place: 0, count: Number(found[0]), bytes: Number(found[1]) })
    const answers = posts.map((post) => plan.add(post, this.#bounds, this.#log))
    // Without a change too: what is answered was written before, and has to be as durable as everything.
    const changed = await this.#redis.runDurably(CHANGE, [...boundsOf(this.#bounds), ...plan.changes()])
    return changed === 1 ? answers : null
  }
}

/** What the posts of a batch come to, one change for each event. */
class Plan {
  readonly #known: ReadonlyMap<string, StoredEvent>
  readonly #head: Head
  readonly #written = new Map<
    string,
    { readonly kept: Kept; readonly payload: Uint8Array; readonly isPlaced: boolean }
  >()

  constructor(known: ReadonlyMap<string, StoredEvent>, head: Head) {
    this.#known = known
    this.#head = head
  }

  add(post: Post, bounds: Bounds, log: string): Answers | BingoError {
    try {
      const { writes, answers } = planPost(post, this.#head, {
        find: (name) => this.#written.get(name)?.kept ?? this.#known.get(name)?.kept,
        bounds,
        full: () => logFull(log),
      })
      for (const write of writes) this.#write(write)
      return answers
    } catch (error) {
      if (error instanceof BingoError) return error
      throw error
    }
  }

  changes(): (string | number)[] {
    return [...this.#written].flatMap(([name, { kept, payload, isPlaced }]) => {
      const known = this.#known.get(name)
      const isNew = known === undefined
      const change: Change = {
        name,
        meta: known?.meta ?? '',
        progress: known?.progress ?? '',
        place: isPlaced ? kept.place : 'due',
        dueAt: isPlaced ? '' : kept.event.deliverAt!,
        body: textOf(payload),
        newProgress: isNew ? '' : progressText(kept.progress),
        partition: partitionOf(kept.event.key, name),
        at: kept.progress.updatedAt,
      }
      return changeArguments(change)
    })
  }

  /** A second write of an event replaces the first one, in its turn. */
  #write({ kept, payload }: Write): void {
    this.#written.set(keyOfName(kept.event), { kept, payload, isPlaced: kept.place > 0 })
  }
}

function boundsOf({ maxEvents, maxBytes }: Bounds): [number, number] {
  return [Math.min(maxEvents, Number.MAX_SAFE_INTEGER), Math.min(maxBytes, Number.MAX_SAFE_INTEGER)]
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()
}
