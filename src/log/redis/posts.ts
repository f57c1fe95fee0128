import type { BingoError } from '../../model/errors.ts'
import { planEach } from '../batched-posts.ts'
import type { Answers, NewEvents, PostWays } from '../batched-posts.ts'
import { logBusy } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import type { Bounds, Head, Kept, Post, Write } from '../posting.ts'
import { changeArguments, type Change } from './changes.ts'
import type { EventRedis } from './connection.ts'
import type { RedisLog } from './log.ts'
import { partitionOf, progressText, storedEvent, type StoredEvent } from './rows.ts'
import { CHANGE, FIND, POST } from './scripts.ts'

/** Others change the same events meanwhile. */
const ATTEMPTS = 20

/** How posts are stored on a Redis: by scripts. */
export class RedisPosts implements PostWays {
  readonly #redis: EventRedis
  readonly #bounds: Bounds
  readonly #log: RedisLog

  constructor(redis: EventRedis, bounds: Bounds, log: RedisLog) {
    this.#redis = redis
    this.#bounds = bounds
    this.#log = log
  }

  async storeNew({ inserts }: NewEvents): Promise<boolean> {
    const events = inserts.flatMap(({ name, kept: { event, place, progress }, payload }) => {
      const dueAt = place === 0 ? event.deliverAt! : ''
      return [name, textOf(payload), dueAt, partitionOf(event.key, name), progress.createdAt]
    })
    const first = Number(await this.#redis.runDurably(POST, [...boundsOf(this.#bounds), ...events]))
    if (first === 0) return false
    this.#log.appended(first, inserts)
    return true
  }

  async storeAny(posts: readonly Post[]): Promise<readonly (Answers | BingoError)[]> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const answers = await this.#attempt(posts)
      if (answers !== null) return answers
    }
    throw logBusy(this.#log.description)
  }

  /** Null: something has changed since it was read. */
  async #attempt(posts: readonly Post[]): Promise<readonly (Answers | BingoError)[] | null> {
    const names = [...new Set(posts.flatMap((post) => post.names))]
    const found = (await this.#redis.run(FIND, ['1', ...names])) as string[]
    const known = new Map<string, StoredEvent>()
    for (const [i, name] of names.entries()) {
      const [meta, body, progress] = found.slice(2 + i * 3) as [string, string, string]
      if (meta !== '') known.set(name, storedEvent(meta, body, progress))
    }
    const head: Head = { seq: 0, place: 0, count: Number(found[0]), bytes: Number(found[1]) }
    const changes = new Changes(known)
    const answers = planEach(posts, head, {
      find: (name) => changes.find(name),
      write: (write) => changes.add(write),
      bounds: this.#bounds,
      log: this.#log.description,
    })
    // Without a change too: what is answered was written before, and has to be as durable as everything.
    const changed = await this.#redis.runDurably(CHANGE, [...boundsOf(this.#bounds), ...changes.arguments()])
    if (changed !== 1) return null
    this.#log.changed()
    return answers
  }
}

/** What the posts of a batch come to, one change for each event. */
class Changes {
  readonly #known: ReadonlyMap<string, StoredEvent>
  readonly #written = new Map<
    string,
    { readonly kept: Kept; readonly payload: Uint8Array; readonly isPlaced: boolean }
  >()

  constructor(known: ReadonlyMap<string, StoredEvent>) {
    this.#known = known
  }

  find(name: string): Kept | undefined {
    return this.#written.get(name)?.kept ?? this.#known.get(name)?.kept
  }

  /** A second write of an event replaces the first one, in its turn. */
  add({ kept, payload }: Write): void {
    this.#written.set(keyOfName(kept.event), { kept, payload, isPlaced: kept.place > 0 })
  }

  arguments(): (string | number)[] {
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
}

function boundsOf({ maxEvents, maxBytes }: Bounds): [number, number] {
  return [Math.min(maxEvents, Number.MAX_SAFE_INTEGER), Math.min(maxBytes, Number.MAX_SAFE_INTEGER)]
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString()
}
