import type { DatabaseSync } from 'node:sqlite'
import { whenFree } from '../../clients/sqlite/free.ts'
import type { PauseClock } from '../../clients/sqlite/free.ts'
import { inTransaction } from '../../clients/sqlite/sqlite.ts'
import type { Clock } from '../../model/clock.ts'
import type { Lease, LeaseAnswer } from '../../model/state/lease.ts'
import { leaseUnreachable } from '../errors.ts'

export interface SqliteLeaseOptions {
  readonly name: string
  readonly holder: string
  readonly ttlMs: number
  readonly clock: Pick<Clock, 'now'> & PauseClock
  readonly place: string
}

interface Row {
  readonly holder: string
  readonly until: number
  readonly ttl: number
  readonly released: number
}

/** A lease among the processes of one machine: a row, and the machine's wall clock. */
export class SqliteLease implements Lease {
  readonly description: string
  readonly #open: () => Promise<DatabaseSync>
  readonly #options: SqliteLeaseOptions

  /** `close` leaves the database open: it belongs to whoever lends it. */
  constructor(open: () => Promise<DatabaseSync>, options: SqliteLeaseOptions) {
    this.#open = open
    this.#options = options
    this.description = `${options.place} ${options.name}`
  }

  ask(): Promise<LeaseAnswer> {
    return this.#run((database) => inTransaction(database, () => this.#ask(database)))
  }

  #ask(database: DatabaseSync): LeaseAnswer {
    const { name, holder, ttlMs, clock } = this.#options
    const now = clock.now()
    const row = database.prepare('SELECT holder, until, ttl, released FROM leases WHERE name = ?').get(name)
    const found = row as unknown as Row | undefined
    const live = found !== undefined && now < found.until
    if (live && found.released === 0 && found.holder !== holder) return other(database, name, found, now)
    database.prepare('REPLACE INTO leases VALUES (?, ?, ?, ?, 0)').run(name, holder, now + ttlMs, ttlMs)
    if (live && found.released === 0) return { tag: 'held' }
    return { tag: 'taken', after: live ? 'release' : 'silence' }
  }

  async release(): Promise<void> {
    const { name, holder } = this.#options
    await this.#run((database) =>
      database.prepare('UPDATE leases SET released = 1 WHERE name = ? AND holder = ?').run(name, holder),
    )
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #run<T>(work: (database: DatabaseSync) => T): Promise<T> {
    try {
      const database = await this.#open()
      return await whenFree(database, () => work(database), this.#options.clock)
    } catch (error) {
      throw leaseUnreachable(this.description, error)
    }
  }
}

/** A clock that was set back must not prolong a term: from now on it lasts its length at most. */
function other(database: DatabaseSync, name: string, { holder, until, ttl }: Row, now: number): LeaseAnswer {
  const remainingMs = Math.min(until - now, ttl)
  if (remainingMs < until - now) database.prepare('UPDATE leases SET until = ? WHERE name = ?').run(now + ttl, name)
  return { tag: 'other', holder, remainingMs }
}
