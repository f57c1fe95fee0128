import type { SqlSession } from '../../clients/sql/session.ts'
import type { Lease, LeaseAnswer } from '../../model/state/lease.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { leaseUnreachable } from '../errors.ts'
import type { InstancePlace } from './instance-place.ts'
import { columnText, hashOf, textOf } from './texts.ts'

export interface SqlLeaseOptions {
  readonly name: string
  /** Unique to this process. */
  readonly holder: string
  readonly ttlMs: number
  /** The connections belong to somebody else: `close` leaves them open. */
  readonly shared?: boolean
}

interface Row {
  readonly holder: string
  readonly until: number
  readonly ttl: number
  readonly isReleased: boolean
  readonly now: number
}

/** Milliseconds since 1970. Not from a local time: an hour that comes twice would prolong a term. */
const MYSQL_NOW = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
const POSTGRES_NOW = 'floor(extract(epoch from clock_timestamp()) * 1000)::bigint'
const ROW = 'instance = ? AND name_hash = ?'

/** A row; the server's clock decides. */
export class SqlLease implements Lease {
  readonly description: string
  readonly #place: InstancePlace
  readonly #options: SqlLeaseOptions

  constructor(place: InstancePlace, options: SqlLeaseOptions) {
    this.#place = place
    this.#options = options
    this.description = `${place.description} ${options.name}`
  }

  ask(): Promise<LeaseAnswer> {
    return this.#told(async () => {
      if (await this.#place.use((session, instance) => this.#renew(session, instance))) return { tag: 'held' }
      return this.#place.transaction((session, instance) => this.#take(session, instance))
    })
  }

  async release(): Promise<void> {
    const { name, holder } = this.#options
    await this.#told(() =>
      this.#place.use((session, instance) =>
        session.run(`UPDATE bingo_leases SET released = 1 WHERE ${ROW} AND holder = ?`, [
          instance,
          hashOf(name),
          columnText(holder),
        ]),
      ),
    )
  }

  async close(): Promise<void> {
    if (this.#options.shared !== true) await this.#place.close()
  }

  get #now(): string {
    return this.#place.isMysql ? MYSQL_NOW : POSTGRES_NOW
  }

  /** What is asked most often, in one statement. */
  async #renew(session: SqlSession, instance: number): Promise<boolean> {
    const { name, holder, ttlMs } = this.#options
    const { changes } = await session.run(
      `UPDATE bingo_leases SET until_ms = ${this.#now} + ${ttlMs}, ttl_ms = ${ttlMs}
       WHERE ${ROW} AND holder = ? AND released = 0 AND until_ms > ${this.#now}`,
      [instance, hashOf(name), columnText(holder)],
    )
    return changes > 0
  }

  async #take(session: SqlSession, instance: number): Promise<LeaseAnswer> {
    const { name, holder, ttlMs } = this.#options
    const of = [instance, hashOf(name)]
    const found = await this.#row(session, of)
    if (found === null) {
      // Who loses the race for the key begins again, and finds it taken.
      await session.run(
        `INSERT INTO bingo_leases (instance, name_hash, name, holder, until_ms, ttl_ms, released)
         VALUES (?, ?, ?, ?, ${this.#now} + ${ttlMs}, ${ttlMs}, 0)`,
        [...of, columnText(name), columnText(holder)],
      )
      return { tag: 'taken', after: 'silence' }
    }
    const isLive = found.now < found.until
    if (isLive && !found.isReleased && found.holder !== holder) return other(session, of, found)
    await session.run(
      `UPDATE bingo_leases SET holder = ?, until_ms = ${found.now + ttlMs}, ttl_ms = ${ttlMs}, released = 0 WHERE ${ROW}`,
      [columnText(holder), ...of],
    )
    if (isLive && !found.isReleased) return { tag: 'held' }
    return { tag: 'taken', after: isLive ? 'release' : 'silence' }
  }

  async #row(session: SqlSession, of: readonly (string | number)[]): Promise<Row | null> {
    const { rows } = await session.run(
      `SELECT holder, until_ms, ttl_ms, released, ${this.#now} AS now_ms FROM bingo_leases WHERE ${ROW} FOR UPDATE`,
      of,
    )
    const [row] = rows
    if (row === undefined) return null
    return {
      holder: textOf(row['holder']),
      until: Number(row['until_ms']),
      ttl: Number(row['ttl_ms']),
      isReleased: Number(row['released']) === 1,
      now: Number(row['now_ms']),
    }
  }

  /** A server that does not answer must not keep its holder waiting for longer than the lease holds. */
  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await withDeadline(work(), this.#options.ttlMs / 2)
    } catch (error) {
      throw leaseUnreachable(this.description, error)
    }
  }
}

/** A clock that was set back must not prolong a term: from now on it lasts its length at most. */
async function other(session: SqlSession, of: readonly (string | number)[], row: Row): Promise<LeaseAnswer> {
  const { holder, until, ttl, now } = row
  const remainingMs = Math.min(until - now, ttl)
  if (remainingMs < until - now) {
    await session.run(`UPDATE bingo_leases SET until_ms = ${now + ttl} WHERE ${ROW}`, of)
  }
  return { tag: 'other', holder, remainingMs }
}
