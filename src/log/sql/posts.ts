import type { Kysely } from 'kysely'
import { CompiledQuery } from '../../clients/kysely.ts'
import { BingoError } from '../../model/errors.ts'
import type { Posted } from '../../model/state/event-provider.ts'
import { logBusy, logFull } from '../errors.ts'
import { keyOfName } from '../event-name.ts'
import { planNew, planPost, recordOf } from '../posting.ts'
import type { Bounds, Head, Insert, Post, Update } from '../posting.ts'
import { Batches } from '../batches.ts'
import type { EventDatabase } from './database.ts'
import type { Dialect } from './dialect.ts'
import { isRefusedInsert } from './errors.ts'
import type { EventStore } from './store.ts'
import type { EventTables } from './tables.ts'

const LIMITS = { bytes: 4 << 20, count: 1_000, waitingBytes: 64 << 20 }
/** More are written in several statements. */
const MOST_AT_ONCE = 5_000
/** Ids that were sent again come in numbers: so many batches are looked up before the next attempt to do without. */
const LOOKED_UP = 10

type Answers = readonly Posted[]

/** Stores posts: what comes in while one transaction is under way goes into the next one. */
export class Posts {
  readonly #database: EventDatabase
  readonly #bounds: Bounds
  readonly #log: string
  readonly #batches: Batches<Post, Answers>
  #lookUp = 0

  constructor(database: EventDatabase, bounds: Bounds, log: string) {
    this.#database = database
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
    return this.#database.transaction((store) => this.#storeAny(store, posts))
  }

  /** Nearly all are new: then one round trip is enough. Null: they are not, or there is no room for all of them. */
  async #storeNew(posts: readonly Post[]): Promise<readonly Answers[] | null> {
    const names = posts.flatMap((post) => post.names)
    if (names.length > MOST_AT_ONCE || new Set(names).size < names.length) return null
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
    const isStored = await this.#database.use((queries, dialect) => {
      return insertNew(queries, dialect, dialect.insertNew({ inserts, added }, this.#bounds))
    })
    return isStored ? answers : null
  }

  async #storeAny(store: EventStore, posts: readonly Post[]): Promise<readonly (Answers | BingoError)[]> {
    const head = await store.lockHead()
    const known = await store.find(posts.flatMap(({ names }) => names))
    const inserts: Insert[] = []
    const updates: Update[] = []
    const answers = posts.map((post) => {
      try {
        const { writes, answers: planned } = planPost(post, head, {
          find: (name) => known.get(name),
          bounds: this.#bounds,
          full: () => logFull(this.#log),
        })
        for (const write of writes) {
          known.set(keyOfName(write.kept.event), write.kept)
          if (write.tag === 'insert') inserts.push(write)
          else updates.push(write)
        }
        return planned
      } catch (error) {
        if (error instanceof BingoError) return error
        throw error
      }
    })
    await store.insert(inserts)
    for (const update of updates) await store.update(update)
    if (inserts.length + updates.length > 0) await store.saveHead(head)
    return answers
  }
}

/** False: one of them is stored already, or there is no room; then nothing is stored. */
function insertNew(queries: Kysely<EventTables>, { name }: Dialect, insert: CompiledQuery): Promise<boolean> {
  return queries.connection().execute(async (connection) => {
    try {
      const { rows } = await connection.executeQuery(insert)
      return name === 'mysql' || rows.length > 0
    } catch (error) {
      // Where even that fails, the connection is gone, and the first error says why.
      if (name === 'mysql') await connection.executeQuery(CompiledQuery.raw('ROLLBACK')).catch(() => undefined)
      if (isRefusedInsert(error)) return false
      throw error
    }
  })
}
