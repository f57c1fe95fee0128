import type { Kysely } from 'kysely'
import { InFlight } from '../../model/in-flight.ts'
import { logClosed } from '../errors.ts'
import type { SqlAddress } from '../../clients/sql/address.ts'
import { connect } from './connect.ts'
import { mysql, postgres } from './dialect.ts'
import type { Dialect } from './dialect.ts'
import { isRepeatable, serverError } from './errors.ts'
import { migrateEvents } from './migrations.ts'
import { EventStore } from './store.ts'
import type { EventTables } from './tables.ts'

/** Of a transaction that the server rolled back for the sake of another one. */
const ATTEMPTS = 5

/** Connections to the server, with the tables in place: they are made with the first use. */
export class EventDatabase {
  readonly #address: SqlAddress
  readonly #dialect: Dialect
  readonly #running = new InFlight()
  #queries: Promise<Kysely<EventTables>> | null = null
  #isMigrated = false
  #migrating: Promise<void> | null = null
  #ended = false

  constructor(address: SqlAddress) {
    this.#address = address
    this.#dialect = address.flavour === 'mysql' ? mysql : postgres
  }

  /** Rejects with BingoErrors only. */
  async use<T>(work: (queries: Kysely<EventTables>, dialect: Dialect) => Promise<T>): Promise<T> {
    if (this.#ended) throw logClosed(this.#address.printable)
    try {
      return await this.#running.add(this.#withTables(work))
    } catch (error) {
      throw serverError(this.#address.printable, error)
    }
  }

  /** Repeated where the server chose it as the one to give way: `work` has to bear that. */
  transaction<T>(work: (store: EventStore) => Promise<T>): Promise<T> {
    return this.use(async (queries, dialect) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await queries.transaction().execute((transaction) => work(new EventStore(transaction, dialect)))
        } catch (error) {
          if (attempt === ATTEMPTS || !isRepeatable(error)) throw error
        }
      }
    })
  }

  /** What is under way ends first. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#running.ended()
    await (await this.#queries)?.destroy().catch(() => undefined)
  }

  async #withTables<T>(work: (queries: Kysely<EventTables>, dialect: Dialect) => Promise<T>): Promise<T> {
    this.#queries ??= connect(this.#address)
    const queries = await this.#queries
    await this.#migrated(queries)
    return work(queries, this.#dialect)
  }

  async #migrated(queries: Kysely<EventTables>): Promise<void> {
    if (this.#isMigrated) return
    const log = this.#address.printable
    this.#migrating ??= migrateEvents(queries, this.#dialect, log).finally(() => (this.#migrating = null))
    await this.#migrating
    this.#isMigrated = true
  }
}
