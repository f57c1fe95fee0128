import { CompiledQuery } from '../../clients/kysely.ts'
import { BingoError } from '../../model/errors.ts'
import { planEach } from '../batched-posts.ts'
import type { Answers, NewEvents, PostWays } from '../batched-posts.ts'
import { keyOfName } from '../event-name.ts'
import type { Bounds, Insert, Post, Update } from '../posting.ts'
import type { EventDatabase } from './database.ts'
import { isRefusedInsert } from './errors.ts'
import type { EventStore } from './store.ts'

/** How posts are stored on a database server. */
export class SqlPosts implements PostWays {
  readonly #database: EventDatabase
  readonly #bounds: Bounds
  readonly #log: string

  constructor(database: EventDatabase, bounds: Bounds, log: string) {
    this.#database = database
    this.#bounds = bounds
    this.#log = log
  }

  /** In one round trip. */
  storeNew(events: NewEvents): Promise<boolean> {
    return this.#database.use((queries, dialect) => {
      const insert = dialect.insertNew(events, this.#bounds)
      return queries.connection().execute(async (connection) => {
        try {
          const { rows } = await connection.executeQuery(insert)
          return dialect.name === 'mysql' || rows.length > 0
        } catch (error) {
          // Where even that fails, the connection is gone, and the first error says why.
          if (dialect.name === 'mysql') {
            await connection.executeQuery(CompiledQuery.raw('ROLLBACK')).catch(() => undefined)
          }
          if (isRefusedInsert(error)) return false
          throw error
        }
      })
    })
  }

  storeAny(posts: readonly Post[]): Promise<readonly (Answers | BingoError)[]> {
    return this.#database.transaction((store) => this.#storeAny(store, posts))
  }

  async #storeAny(store: EventStore, posts: readonly Post[]): Promise<readonly (Answers | BingoError)[]> {
    const head = await store.lockHead()
    const known = await store.find(posts.flatMap(({ names }) => names))
    const inserts: Insert[] = []
    const updates: Update[] = []
    const answers = planEach(posts, head, {
      find: (name) => known.get(name),
      write: (write) => {
        known.set(keyOfName(write.kept.event), write.kept)
        if (write.tag === 'insert') inserts.push(write)
        else updates.push(write)
      },
      bounds: this.#bounds,
      log: this.#log,
    })
    await store.insert(inserts)
    for (const update of updates) await store.update(update)
    if (inserts.length + updates.length > 0) await store.saveHead(head)
    return answers
  }
}
