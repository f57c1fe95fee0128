import { marks, tuples, type SqlSession, type SqlValue } from '../../clients/sql/session.ts'
import { systemClock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { newHolder } from '../lease/holder.ts'
import type { InstancePlace } from '../sql/instance-place.ts'
import { SqlLease } from '../sql/lease.ts'
import { chunksOf, hashOf, textOf } from '../sql/texts.ts'
import { Expiry } from './expiry.ts'
import type { StoreClock } from './expiry.ts'
import { holdLease, RETRY_LEASE_MS } from './hold-lease.ts'
import { full, unreachable } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'
import { conditions, INSERTED, letterOf, letterRow, sorted, type LetterRow } from './sql-rows.ts'

const PAGE = 200

/**
 * Dead letters on a database server, for processes on many machines. As durable as that server is (docs/scale.md). What is
 * added and removed changes in a transaction that has the instance for itself; a page of a list is one statement.
 */
export class SqlDeadLetterStore implements DeadLetterStore {
  readonly description: string
  readonly #place: InstancePlace
  readonly #limits: DeadLetterLimits
  readonly #expiry: Expiry

  /** Owns `place`: `close` closes it. */
  constructor(place: InstancePlace, limits: DeadLetterLimits, clock: StoreClock = systemClock) {
    this.#place = place
    this.#limits = limits
    this.#expiry = new Expiry((before) => this.#removeOlder(before), limits.maxAgeMs, clock)
    this.description = place.description
  }

  async add(letters: readonly DeadLetter[]): Promise<readonly string[]> {
    await this.#expiry.run()
    if (letters.length === 0) return []
    const rows = letters.map(letterRow)
    return this.#told(this.#place.alone((session, instance) => this.#add(session, instance, rows)))
  }

  async #add(session: SqlSession, instance: number, rows: readonly LetterRow[]): Promise<readonly string[]> {
    const ids = rows.map(({ hash }) => hash)
    const keys = rows.flatMap(({ parkedHash }) => parkedHash ?? [])
    const { taken, released } = sorted(
      rows,
      await found(session, instance, 'id_hash', ids),
      await found(session, instance, 'parked_hash', keys),
    )
    if (taken.length === 0) return released
    const bytes = taken.reduce((sum, row) => sum + row.bytes, 0)
    await this.#checkBounds(session, instance, taken.length, bytes)
    for (const some of chunksOf(taken, PAGE, ({ body }) => body.length)) {
      await session.run(
        `INSERT INTO bingo_dead_letters (instance, ${INSERTED}) VALUES ${tuples(some.length, 11)}`,
        some.flatMap(({ values }) => [instance, ...values]),
      )
    }
    await count(session, instance, taken.length, bytes)
    return released
  }

  async #checkBounds(session: SqlSession, instance: number, added: number, bytes: number): Promise<void> {
    const sql = 'SELECT letters, letter_bytes FROM bingo_instances WHERE id = ?'
    const [row] = (await session.run(sql, [instance])).rows
    const { maxCount, maxBytes } = this.#limits
    if (Number(row!['letters']) + added > maxCount || Number(row!['letter_bytes']) + bytes > maxBytes) {
      throw full(this.description)
    }
  }

  async parkedKeys(): Promise<ReadonlySet<string>> {
    const sql = 'SELECT DISTINCT parked_key FROM bingo_dead_letters WHERE instance = ? AND parked_hash IS NOT NULL'
    const { rows } = await this.#told(this.#place.use((session, instance) => session.run(sql, [instance])))
    return new Set(rows.map((row) => textOf(row['parked_key'])))
  }

  async *list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    if (filter.ids === undefined) {
      yield* this.#list(filter, filter.limit ?? Infinity)
      return
    }
    yield* this.#listOf(filter.ids, filter)
  }

  /** By place, each once. What is not at its place any more was removed, or came again: then it is behind all others. */
  async *#listOf(ids: readonly string[], filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    let left = filter.limit ?? Infinity
    let wanted = [...new Set(ids)]
    while (left > 0) {
      const places = await this.#placesOf(wanted, filter)
      const gone = new Set(places.map(([, id]) => id))
      for (const some of chunksOf(places.slice(0, left), PAGE)) {
        const sql = `SELECT id_hash, body FROM bingo_dead_letters WHERE instance = ? AND place IN (${marks(some.length)}) ORDER BY place`
        const { rows } = await this.#told(
          this.#place.use((session, instance) => session.run(sql, [instance, ...some.map(([place]) => place)])),
        )
        for (const row of rows) yield letterOf(row, this.description)
        for (const row of rows) gone.delete(String(row['id_hash']))
        left -= rows.length
      }
      if (gone.size === 0) return
      wanted = wanted.filter((id) => gone.has(hashOf(id)))
    }
  }

  /** In order, with the hashes of their ids. */
  async #placesOf(wanted: readonly string[], filter: DeadLetterFilter): Promise<(readonly [number, string])[]> {
    const places: (readonly [number, string])[] = []
    for (const ids of chunksOf(wanted, PAGE)) {
      const { where, values } = conditions({ ...filter, ids })
      const sql = `SELECT place, id_hash FROM bingo_dead_letters WHERE instance = ?${where}`
      const { rows } = await this.#told(this.#place.use((session, instance) => session.run(sql, [instance, ...values])))
      for (const row of rows) places.push([Number(row['place']), String(row['id_hash'])])
    }
    return places.sort(([one], [other]) => one - other)
  }

  async *#list(filter: DeadLetterFilter, most: number): AsyncIterable<DeadLetter> {
    const { where, values } = conditions(filter)
    const sql = `SELECT place, id_hash, body FROM bingo_dead_letters WHERE instance = ? AND place > ?${where} ORDER BY place LIMIT ?`
    let place = 0
    for (let left = most; left > 0; left -= PAGE) {
      const { rows } = await this.#told(
        this.#place.use((session, instance) => session.run(sql, [instance, place, ...values, Math.min(left, PAGE)])),
      )
      for (const row of rows) yield letterOf(row, this.description)
      if (rows.length < PAGE) return
      place = Number(rows.at(-1)!['place'])
    }
  }

  async remove(ids: readonly string[]): Promise<number> {
    if (ids.length === 0) return 0
    return this.#told(
      this.#place.alone(async (session, instance) => {
        let removed = 0
        for (const some of chunksOf(ids.map(hashOf), PAGE)) {
          const of = `FROM bingo_dead_letters WHERE instance = ? AND id_hash IN (${marks(some.length)})`
          const [row] = (
            await session.run(`SELECT count(*) AS letters, coalesce(sum(bytes), 0) AS bytes ${of}`, [instance, ...some])
          ).rows
          const letters = Number(row!['letters'])
          if (letters === 0) continue
          await session.run(`DELETE ${of}`, [instance, ...some])
          await count(session, instance, -letters, -Number(row!['bytes']))
          removed += letters
        }
        return removed
      }),
    )
  }

  async #removeOlder(before: number): Promise<void> {
    const alone = (): Promise<number> =>
      this.#told(
        this.#place.alone(async (session, instance) => {
          const sql =
            'SELECT place, created_at, bytes FROM bingo_dead_letters WHERE instance = ? ORDER BY place LIMIT ?'
          const { rows } = await session.run(sql, [instance, PAGE])
          const kept = rows.findIndex((row) => Number(row['created_at']) >= before)
          const older = kept === -1 ? rows : rows.slice(0, kept)
          if (older.length === 0) return 0
          const upTo = Number(older.at(-1)!['place'])
          await session.run('DELETE FROM bingo_dead_letters WHERE instance = ? AND place <= ?', [instance, upTo])
          const bytes = older.reduce((sum, row) => sum + Number(row['bytes']), 0)
          await count(session, instance, -older.length, -bytes)
          return older.length
        }),
      )
    while ((await alone()) === PAGE) {
      // A page in each transaction: whoever else adds waits for no more.
    }
  }

  count(): Promise<number> {
    return this.#told(
      this.#place.use(async (session, instance) => {
        const { rows } = await session.run('SELECT letters FROM bingo_instances WHERE id = ?', [instance])
        return Number(rows[0]!['letters'])
      }),
    )
  }

  lease(): Promise<AsyncDisposable> {
    const options = { name: 'dead-letters', holder: newHolder(), ttlMs: RETRY_LEASE_MS, shared: true }
    return holdLease(new SqlLease(this.#place, options), this.description)
  }

  close(): Promise<void> {
    return this.#place.close()
  }

  /** Rejects with BINGO_DEAD_LETTERS_UNREACHABLE, …_FULL or BINGO_STATE_NEWER. */
  #told<T>(result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      throw unreachable(this.description, error)
    })
  }
}

async function found(
  session: SqlSession,
  instance: number,
  column: 'id_hash' | 'parked_hash',
  hashes: readonly string[],
): Promise<Set<string>> {
  const there = new Set<string>()
  for (const some of chunksOf([...new Set(hashes)], PAGE)) {
    const values: SqlValue[] = [instance, ...some]
    const { rows } = await session.run(
      `SELECT DISTINCT ${column} AS found FROM bingo_dead_letters WHERE instance = ? AND ${column} IN (${marks(some.length)})`,
      values,
    )
    for (const row of rows) there.add(textOf(row['found']))
  }
  return there
}

async function count(session: SqlSession, instance: number, letters: number, bytes: number): Promise<void> {
  const sql = 'UPDATE bingo_instances SET letters = letters + ?, letter_bytes = letter_bytes + ? WHERE id = ?'
  await session.run(sql, [letters, bytes, instance])
}
