import { isDuplicateKey } from '../../clients/sql/duplicate-key.ts'
import type { SqlSession } from '../../clients/sql/session.ts'
import { columnText, hashOf } from './texts.ts'
import type { ServerDatabase } from './server-database.ts'

type Work<T> = (session: SqlSession, instance: number) => Promise<T>

/** The rows of one instance in the tables of state. Rejects with errors of the client, or BINGO_STATE_NEWER. */
export class InstancePlace {
  readonly description: string
  readonly #database: ServerDatabase
  readonly #name: string
  readonly #leave: () => Promise<void>
  #finding: Promise<number> | null = null
  #isClosed = false

  /** `leave`: who closes it first needs the server no more. */
  constructor(database: ServerDatabase, name: string, leave: () => Promise<void>) {
    this.#database = database
    this.#name = name
    this.#leave = leave
    this.description = `${database.printable} ${name}`
  }

  get isMysql(): boolean {
    return this.#database.isMysql
  }

  async use<T>(work: Work<T>): Promise<T> {
    const instance = await this.#instance()
    return this.#database.use((session) => work(session, instance))
  }

  /** Repeated where the server chose it as the one to give way: `work` has to bear that. */
  async transaction<T>(work: Work<T>): Promise<T> {
    const instance = await this.#instance()
    return this.#database.transaction((session) => work(session, instance))
  }

  /** A transaction that has the instance for itself: nobody else changes its dead letters or waiting events meanwhile. */
  alone<T>(work: Work<T>): Promise<T> {
    return this.transaction(async (session, instance) => {
      await session.run('SELECT id FROM bingo_instances WHERE id = ? FOR UPDATE', [instance])
      return work(session, instance)
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#leave()
  }

  #instance(): Promise<number> {
    this.#finding ??= this.#database
      .use((session) => this.#find(session))
      .catch((error: unknown) => {
        this.#finding = null
        throw error
      })
    return this.#finding
  }

  async #find(session: SqlSession): Promise<number> {
    const hash = hashOf(this.#name)
    for (;;) {
      const { rows } = await session.run('SELECT id FROM bingo_instances WHERE name_hash = ?', [hash])
      if (rows[0] !== undefined) return Number(rows[0]['id'])
      try {
        await session.run(
          'INSERT INTO bingo_instances (name_hash, name, waiting_seq, letters, letter_bytes) VALUES (?, ?, 0, 0, 0)',
          [hash, columnText(this.#name)],
        )
      } catch (error) {
        if (!isDuplicateKey(error)) throw error
      }
    }
  }
}
