import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { inSharedTransaction } from '../../clients/sqlite/sqlite.ts'
import type { SagaSource } from '../../model/saga/definition.ts'
import type { SagaInstance, SagaRef, SagaStatus } from '../../model/saga/instance.ts'
import type { SagaCount, SagaFilter, SagaListing, SagaPage, SagaStore, SagaTransition } from '../../model/saga/store.ts'
import { stateFileError } from '../sqlite/errors.ts'
import type { StateFile } from '../sqlite/state-file.ts'
import { fenced, instanceText, isInFlight, placeOf, readInstance, readSource, unreachable } from './texts.ts'

interface InstanceRow {
  readonly id: number
  readonly started_at: number
  readonly due_at: number | null
  readonly body: string
}

class Statements {
  readonly load: StatementSync
  readonly insert: StatementSync
  readonly update: StatementSync
  readonly define: StatementSync
  readonly due: StatementSync
  readonly nextDue: StatementSync
  readonly leader: StatementSync

  constructor(database: DatabaseSync) {
    this.load = database.prepare('SELECT due_at, body FROM saga_instances WHERE saga = ? AND key = ?')
    this.insert = database.prepare(
      `INSERT INTO saga_instances (saga, key, version, status, started_at, ended_at, due_at, in_flight, revision, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    this.update = database.prepare(
      `UPDATE saga_instances SET status = ?, ended_at = ?, due_at = ?, in_flight = ?, revision = ?, body = ?
       WHERE saga = ? AND key = ? AND revision = ?`,
    )
    this.define = database.prepare('INSERT INTO saga_definitions VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    this.due = database.prepare('SELECT due_at, body FROM saga_instances WHERE due_at <= ? ORDER BY due_at LIMIT ?')
    this.nextDue = database.prepare('SELECT min(due_at) AS at FROM saga_instances WHERE due_at IS NOT NULL')
    this.leader = database.prepare('SELECT epoch FROM saga_leader')
  }
}

/** Sagas in a state file, beside the deliveries. One transaction per call, synced to disk when it ends. */
export class SqliteSagaStore implements SagaStore {
  readonly description: string
  readonly #file: StateFile
  #statements: Statements | null = null

  /** Owns `file`: `close` closes it. */
  constructor(file: StateFile) {
    this.#file = file
    this.description = file.path
  }

  claim(): Promise<number> {
    return this.#run((database) =>
      inSharedTransaction(database, () => {
        const claimed = database
          .prepare('INSERT INTO saga_leader VALUES (1, 1) ON CONFLICT DO UPDATE SET epoch = epoch + 1 RETURNING epoch')
          .get()
        database.exec('UPDATE saga_instances SET due_at = 0 WHERE in_flight = 1')
        return claimed!['epoch'] as number
      }),
    )
  }

  load(refs: readonly SagaRef[]): Promise<readonly (SagaInstance | null)[]> {
    return this.#run((database) => {
      const { load } = this.#prepared(database)
      return refs.map(({ saga, key }) => {
        const row = load.get(saga, key) as InstanceRow | undefined
        return row === undefined ? null : this.#instance(row)
      })
    })
  }

  save(
    transitions: readonly SagaTransition[],
    definitions: readonly SagaSource[],
    epoch: number | null,
  ): Promise<readonly boolean[]> {
    return this.#run((database) =>
      inSharedTransaction(database, () => {
        if (epoch !== null) this.#refuseEarlier(database, epoch)
        const { define } = this.#prepared(database)
        for (const source of definitions) define.run(source.id, source.version, JSON.stringify(source))
        return transitions.map((transition) => this.#write(database, transition))
      }),
    )
  }

  #write(database: DatabaseSync, { instance, from }: SagaTransition): boolean {
    const { insert, update } = this.#prepared(database)
    const { saga, key, version, status, startedAt, endedAt, dueAt, revision } = instance
    const flight = isInFlight(instance) ? 1 : 0
    const body = instanceText(instance)
    const { changes } =
      from === 0
        ? insert.run(saga, key, version, status, startedAt, endedAt, dueAt, flight, revision, body)
        : update.run(status, endedAt, dueAt, flight, revision, body, saga, key, from)
    return Number(changes) === 1
  }

  due(now: number, limit: number): Promise<readonly SagaInstance[]> {
    return this.#run((database) => {
      const rows = this.#prepared(database).due.all(now, limit) as unknown as InstanceRow[]
      return rows.map((row) => this.#instance(row))
    })
  }

  nextDue(): Promise<number | null> {
    return this.#run((database) => this.#prepared(database).nextDue.get()!['at'] as number | null)
  }

  definitions(): Promise<readonly SagaSource[]> {
    return this.#run((database) =>
      database
        .prepare(
          `SELECT body FROM saga_definitions d WHERE EXISTS
           (SELECT 1 FROM saga_instances i WHERE i.saga = d.saga AND i.version = d.version)`,
        )
        .all()
        .map(({ body }) => readSource(body as string, this.description)),
    )
  }

  list(filter: SagaFilter, page: SagaPage): Promise<SagaListing> {
    return this.#run((database) => {
      const { where, values } = conditions(filter, page)
      const rows = database
        .prepare(
          `SELECT id, started_at, due_at, body FROM saga_instances ${where} ORDER BY started_at DESC, id DESC LIMIT ?`,
        )
        .all(...values, page.limit + 1) as unknown as InstanceRow[]
      const shown = rows.slice(0, page.limit)
      const last = rows.length > page.limit ? shown.at(-1) : undefined
      return {
        instances: shown.map((row) => this.#instance(row)),
        next: last === undefined ? null : `${last.started_at}-${last.id}`,
      }
    })
  }

  counts(): Promise<readonly SagaCount[]> {
    return this.#run((database) =>
      database
        .prepare(
          `SELECT saga, status, count, (SELECT min(started_at) FROM saga_instances i
           WHERE i.saga = t.saga AND i.status = t.status) AS oldest FROM saga_totals t WHERE count > 0`,
        )
        .all()
        .map((row) => ({
          saga: row['saga'] as string,
          status: row['status'] as SagaStatus,
          count: row['count'] as number,
          oldestMs: row['oldest'] as number,
        })),
    )
  }

  removeEnded(endedBefore: number, limit: number): Promise<number> {
    return this.#run((database) =>
      inSharedTransaction(database, () => {
        const { changes } = database
          .prepare(
            `DELETE FROM saga_instances WHERE id IN
             (SELECT id FROM saga_instances WHERE ended_at < ? ORDER BY ended_at LIMIT ?)`,
          )
          .run(endedBefore, limit)
        if (Number(changes) > 0) {
          database.exec(`DELETE FROM saga_definitions WHERE NOT EXISTS (SELECT 1 FROM saga_instances i
            WHERE i.saga = saga_definitions.saga AND i.version = saga_definitions.version)`)
        }
        return Number(changes)
      }),
    )
  }

  async close(): Promise<void> {
    this.#statements = null
    this.#file.close()
  }

  #instance({ body, due_at }: InstanceRow): SagaInstance {
    return readInstance(body, due_at, this.description)
  }

  #refuseEarlier(database: DatabaseSync, epoch: number): void {
    const found = this.#prepared(database).leader.get()?.['epoch'] as number | undefined
    if (found !== undefined && found > epoch) throw fenced(epoch, found)
  }

  #prepared(database: DatabaseSync): Statements {
    return (this.#statements ??= new Statements(database))
  }

  async #run<T>(work: (database: DatabaseSync) => T | Promise<T>): Promise<T> {
    try {
      return await work(await this.#file.open())
    } catch (error) {
      throw unreachable(this.description, stateFileError(this.#file.path, error))
    }
  }
}

function conditions(
  { saga, status, keyPrefix }: SagaFilter,
  page: SagaPage,
): { readonly where: string; readonly values: readonly (string | number)[] } {
  const found: (readonly [sql: string, ...values: readonly (string | number)[]])[] = []
  if (saga !== undefined) found.push(['saga = ?', saga])
  if (status !== undefined) found.push([`status IN (${status.map(() => '?').join(', ')})`, ...status])
  if (keyPrefix !== undefined) found.push(['substr(key, 1, ?) = ?', Array.from(keyPrefix).length, keyPrefix])
  const place = placeOf(page)
  if (place !== null) found.push(['(started_at, id) < (?, ?)', ...place])
  if (found.length === 0) return { where: '', values: [] }
  return {
    where: `WHERE ${found.map(([sql]) => sql).join(' AND ')}`,
    values: found.flatMap(([, ...values]) => values),
  }
}
