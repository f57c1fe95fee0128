import { BingoError } from '../model/errors.ts'
import type { Posted } from '../model/state/event-provider.ts'
import { Batches } from './batches.ts'
import { logBusy, logFull } from './errors.ts'
import { planNew, planPost, recordOf } from './posting.ts'
import type { Bounds, Head, Insert, Kept, Post, Write } from './posting.ts'

const LIMITS = { bytes: 4 << 20, count: 1_000, waitingBytes: 64 << 20 }
/** One statement or script holds up others while it runs. */
const MOST_AT_ONCE = 5_000
/** Ids that were sent again come in numbers: this number of batches is looked up before the next attempt to do without. */
const LOOKED_UP = 10

export type Answers = readonly Posted[]

/** Events that are all new, numbered from 1 in the order of their posts, and what they add to the head. */
export interface NewEvents {
  readonly inserts: readonly Insert[]
  readonly added: Head
}

/** The two ways in which a server stores posts. */
export interface PostWays {
  /** Nearly all are new: then there is nothing to look up. False: they are not, or have no room; nothing is stored then. */
  storeNew(events: NewEvents): Promise<boolean>
  /** Looks up what is stored, and decides about each event. */
  storeAny(posts: readonly Post[]): Promise<readonly (Answers | BingoError)[]>
}

/** Posts to a server: what comes in while one batch is written goes into the next one. */
export class BatchedPosts {
  readonly #ways: PostWays
  readonly #batches: Batches<Post, Answers>
  #lookUp = 0

  constructor(ways: PostWays, log: string) {
    this.#ways = ways
    this.#batches = new Batches(
      (posts) => this.#store(posts),
      LIMITS,
      () => logBusy(log),
    )
  }

  add(post: Post): Promise<Answers> {
    return this.#batches.add(post, post.bytes)
  }

  /** Some are not answered yet. */
  get isBusy(): boolean {
    return this.#batches.isBusy
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
    return this.#ways.storeAny(posts)
  }

  async #storeNew(posts: readonly Post[]): Promise<readonly Answers[] | null> {
    const names = new Set<string>()
    let count = 0
    for (const post of posts) {
      for (const name of post.names) names.add(name)
      count += post.names.length
    }
    if (count > MOST_AT_ONCE || names.size < count) return null
    const added: Head = { seq: 0, place: 0, count: 0, bytes: 0 }
    const inserts: Insert[] = []
    const answers = posts.map((post) =>
      post.events.map((_, i): Posted => {
        const insert = planNew(post, i, added)
        inserts.push(insert)
        return { tag: 'stored', record: recordOf(insert.kept) }
      }),
    )
    if (inserts.length === 0) return answers
    return (await this.#ways.storeNew({ inserts, added })) ? answers : null
  }
}

/** What a batch comes to, one post after the other: one that is refused leaves the head as it was, and the others alone. */
export function planEach(
  posts: readonly Post[],
  head: Head,
  deps: {
    /** What is stored under a name, what `write` got included. */
    readonly find: (name: string) => Kept | undefined
    readonly write: (write: Write) => void
    readonly bounds: Bounds
    readonly log: string
  },
): (Answers | BingoError)[] {
  const { find, write, bounds, log } = deps
  return posts.map((post) => {
    try {
      const { writes, answers } = planPost(post, head, { find, bounds, full: () => logFull(log) })
      for (const each of writes) write(each)
      return answers
    } catch (error) {
      if (error instanceof BingoError) return error
      throw error
    }
  })
}
