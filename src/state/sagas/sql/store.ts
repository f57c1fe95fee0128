import type { SqlAddress } from '../../../clients/sql/address.ts'
import { marks, tuples, type SqlRow, type SqlSession, type SqlValue } from '../../../clients/sql/session.ts'
import type { SagaSource } from '../../../model/saga/definition.ts'
import type { SagaInstance, SagaRef, SagaStatus } from '../../../model/saga/instance.ts'
import type {
  SagaCount,
  SagaFilter,
  SagaListing,
  SagaPage,
  SagaStore,
  SagaTransition,
} from '../../../model/saga/store.ts'
import { fenced, instanceText, isInFlight, placeOf, readInstance, readSource } from '../texts.ts'
import { SagaDatabase } from './database.ts'

const COLUMNS = [
  'saga',
  'saga_key',
  'version',
  'status',
  'started_at',
  'ended_at',
  'due_at',
  'in_flight',
  'revision',
  'body',
]
/** What a transition changes of a stored instance. */
const CHANGING = ['status', 'ended_at', 'due_at', 'in_flight', 'revision', 'body']
/** Rows of one statement. */
const CHUNK = 200

/** Sagas on a MySQL, MariaDB or PostgreSQL. */
export class SqlSagaStore implements SagaStore {
  readonly description: string
  readonly #database: SagaDatabase

  constructor(address: SqlAddress) {
    this.#database = new SagaDatabase(address)
    this.description = address.printable
  }

  claim(): Promise<number> {
    return this.#database.transaction(async (session) => {
      await session.run('UPDATE bingo_saga_leader SET epoch = epoch + 1 WHERE id = 1')
      await session.run('UPDATE bingo_sagas SET due_at = 0 WHERE in_flight = 1')
      return leaderOf(await session.run('SELECT epoch FROM bingo_saga_leader WHERE id = 1'))
    })
  }

  load(refs: readonly SagaRef[]): Promise<readonly (SagaInstance | null)[]> {
    return this.#database.use(async (session) => {
      const found = new Map<string, SagaInstance>()
      for (const some of chunks(refs)) {
        const { rows } = await session.run(
          `SELECT due_at, body FROM bingo_sagas WHERE ${refsIn(some)}`,
          refValues(some),
        )
        for (const row of rows) {
          const instance = this.#instance(row)
          found.set(nameOf(instance), instance)
        }
      }
      return refs.map((ref) => found.get(nameOf(ref)) ?? null)
    })
  }

  save(
    transitions: readonly SagaTransition[],
    definitions: readonly SagaSource[],
    epoch: number | null,
  ): Promise<readonly boolean[]> {
    return this.#database.transaction(async (session) => {
      // A new leader waits for this transaction, and this one sees what it has written.
      const share = this.#database.isMysql ? 'LOCK IN SHARE MODE' : 'FOR SHARE'
      const leader = leaderOf(await session.run(`SELECT epoch FROM bingo_saga_leader WHERE id = 1 ${share}`))
      if (epoch !== null && leader > epoch) throw fenced(epoch, leader)
      await this.#define(session, definitions)
      const revisions = await locked(session, transitions)
      const saved = transitions.map(({ instance, from }) => (revisions.get(nameOf(instance)) ?? 0) === from)
      const kept = transitions.filter((_, i) => saved[i])
      await this.#write(
        session,
        kept.filter(({ from }) => from === 0),
        false,
      )
      await this.#write(
        session,
        kept.filter(({ from }) => from > 0),
        true,
      )
      return saved
    })
  }

  /** A key that somebody else has taken meanwhile is an error, for which the transaction is repeated. */
  async #write(session: SqlSession, transitions: readonly SagaTransition[], replaces: boolean): Promise<void> {
    const { isMysql } = this.#database
    const set = CHANGING.map((name) => `${name} = ${isMysql ? `VALUES(${name})` : `excluded.${name}`}`).join(', ')
    const known = isMysql ? `ON DUPLICATE KEY UPDATE ${set}` : `ON CONFLICT (saga, saga_key) DO UPDATE SET ${set}`
    for (const some of chunks(transitions)) {
      const values = some.flatMap(({ instance }) => valuesOf(instance))
      const rows = tuples(some.length, COLUMNS.length)
      await session.run(
        `INSERT INTO bingo_sagas (${COLUMNS.join(', ')}) VALUES ${rows} ${replaces ? known : ''}`,
        values,
      )
    }
  }

  async #define(session: SqlSession, definitions: readonly SagaSource[]): Promise<void> {
    const known = this.#database.isMysql ? 'ON DUPLICATE KEY UPDATE saga = saga' : 'ON CONFLICT DO NOTHING'
    for (const source of definitions) {
      await session.run(`INSERT INTO bingo_saga_definitions (saga, version, body) VALUES (?, ?, ?) ${known}`, [
        source.id,
        source.version,
        JSON.stringify(source),
      ])
    }
  }

  due(now: number, limit: number): Promise<readonly SagaInstance[]> {
    return this.#database.use(async (session) => {
      const sql = 'SELECT due_at, body FROM bingo_sagas WHERE due_at <= ? ORDER BY due_at LIMIT ?'
      return (await session.run(sql, [now, limit])).rows.map((row) => this.#instance(row))
    })
  }

  nextDue(): Promise<number | null> {
    return this.#database.use(async (session) => {
      const { rows } = await session.run('SELECT min(due_at) AS due_at FROM bingo_sagas')
      return numberOrNull(rows[0]!['due_at'])
    })
  }

  definitions(): Promise<readonly SagaSource[]> {
    return this.#database.use(async (session) => {
      const { rows } = await session.run(
        `SELECT body FROM bingo_saga_definitions d WHERE EXISTS
         (SELECT 1 FROM bingo_sagas i WHERE i.saga = d.saga AND i.version = d.version)`,
      )
      return rows.map(({ body }) => readSource(text(body), this.description))
    })
  }

  list(filter: SagaFilter, page: SagaPage): Promise<SagaListing> {
    return this.#database.use(async (session) => {
      const found = conditions(filter, page, this.#database.isMysql)
      const where = found.length === 0 ? '' : `WHERE ${found.map(([sql]) => sql).join(' AND ')}`
      const { rows } = await session.run(
        `SELECT id, started_at, due_at, body FROM bingo_sagas ${where} ORDER BY started_at DESC, id DESC LIMIT ?`,
        [...found.flatMap(([, ...values]) => values), page.limit + 1],
      )
      const shown = rows.slice(0, page.limit)
      const last = rows.length > page.limit ? shown.at(-1) : undefined
      return {
        instances: shown.map((row) => this.#instance(row)),
        next: last === undefined ? null : `${Number(last['started_at'])}-${Number(last['id'])}`,
      }
    })
  }

  counts(): Promise<readonly SagaCount[]> {
    return this.#database.use(async (session) => {
      const { rows } = await session.run(
        'SELECT saga, status, count(*) AS count, min(started_at) AS oldest FROM bingo_sagas GROUP BY saga, status',
      )
      return rows.map((row) => ({
        saga: text(row['saga']),
        status: text(row['status']) as SagaStatus,
        count: Number(row['count']),
        oldestMs: Number(row['oldest']),
      }))
    })
  }

  removeEnded(endedBefore: number, limit: number): Promise<number> {
    return this.#database.transaction(async (session) => {
      const { rows } = await session.run(
        'SELECT id FROM bingo_sagas WHERE ended_at < ? ORDER BY ended_at LIMIT ? FOR UPDATE',
        [endedBefore, limit],
      )
      if (rows.length === 0) return 0
      const ids = rows.map(({ id }) => Number(id))
      await session.run(`DELETE FROM bingo_sagas WHERE id IN (${marks(ids.length)})`, ids)
      await session.run(
        `DELETE FROM bingo_saga_definitions WHERE NOT EXISTS (SELECT 1 FROM bingo_sagas i
         WHERE i.saga = bingo_saga_definitions.saga AND i.version = bingo_saga_definitions.version)`,
      )
      return ids.length
    })
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  #instance(row: SqlRow): SagaInstance {
    return readInstance(text(row['body']), numberOrNull(row['due_at']), this.description)
  }
}

/** The stored revisions, which nobody changes before this transaction ends. */
async function locked(session: SqlSession, transitions: readonly SagaTransition[]): Promise<Map<string, number>> {
  const revisions = new Map<string, number>()
  for (const some of chunks(transitions.map(({ instance }) => instance))) {
    const sql = `SELECT saga, saga_key, revision FROM bingo_sagas WHERE ${refsIn(some)} FOR UPDATE`
    for (const row of (await session.run(sql, refValues(some))).rows) {
      revisions.set(nameOf({ saga: text(row['saga']), key: text(row['saga_key']) }), Number(row['revision']))
    }
  }
  return revisions
}

function conditions(
  { saga, status, keyPrefix }: SagaFilter,
  page: SagaPage,
  isMysql: boolean,
): readonly (readonly [sql: string, ...values: readonly SqlValue[]])[] {
  const found: (readonly [sql: string, ...values: readonly SqlValue[]])[] = []
  if (saga !== undefined) found.push(['saga = ?', saga])
  if (status !== undefined) found.push([`status IN (${marks(status.length)})`, ...status])
  if (keyPrefix !== undefined) {
    // Of bytes in MySQL, of characters in PostgreSQL.
    const length = isMysql ? Buffer.byteLength(keyPrefix) : Array.from(keyPrefix).length
    found.push([`substr(saga_key, 1, ${length}) = ?`, keyPrefix])
  }
  const place = placeOf(page)
  if (place !== null) found.push(['(started_at < ? OR (started_at = ? AND id < ?))', place[0], ...place])
  return found
}

function valuesOf(instance: SagaInstance): readonly SqlValue[] {
  const { saga, key, version, status, startedAt, endedAt, dueAt, revision } = instance
  const flight = isInFlight(instance) ? 1 : 0
  return [saga, key, version, status, startedAt, endedAt, dueAt, flight, revision, instanceText(instance)]
}

function refsIn(refs: readonly SagaRef[]): string {
  return `(saga, saga_key) IN (${tuples(refs.length, 2)})`
}

function refValues(refs: readonly SagaRef[]): readonly string[] {
  return refs.flatMap(({ saga, key }) => [saga, key])
}

function chunks<T>(items: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / CHUNK)
  return Array.from({ length: count }, (_, i) => items.slice(i * CHUNK, (i + 1) * CHUNK))
}

function leaderOf({ rows }: { readonly rows: readonly SqlRow[] }): number {
  return Number(rows[0]!['epoch'])
}

function nameOf({ saga, key }: SagaRef): string {
  return `${saga}\0${key}`
}

/** MySQL gives bytes. */
function text(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value)
}

function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value)
}
