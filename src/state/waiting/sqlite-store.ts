import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { inTransaction } from '../../clients/sqlite.ts'
import { isKeyed } from '../../model/delivery/waiting.ts'
import type { LineTotals, StoredRecord, WaitingRecord, WaitingSeq, WaitingStore } from '../../model/delivery/waiting.ts'
import { stateFileError } from '../sqlite/errors.ts'
import type { StateFile } from '../sqlite/state-file.ts'
import { readRest, restText, ShapeReader, shapeText, unreachable } from './texts.ts'

const COLUMNS =
  'waiting.seq, waiting.id, waiting.row_key AS rowKey, waiting.base_ms AS baseMs, waiting.bytes, waiting.event, waiting.rest, waiting_shapes.body AS shape'
const FROM = 'FROM waiting JOIN waiting_shapes ON waiting_shapes.id = waiting.shape'

/** The statements that run once per record. */
class Statements {
  readonly insert: StatementSync
  readonly take: StatementSync
  readonly count: StatementSync
  readonly at: StatementSync

  constructor(database: DatabaseSync) {
    this.insert = database.prepare(
      'INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING',
    )
    this.take = database.prepare('DELETE FROM waiting WHERE id = ? RETURNING line, bytes')
    this.at = database.prepare('SELECT 1 FROM waiting WHERE seq = ?')
    this.count = database.prepare('UPDATE waiting_lines SET count = count + ?, bytes = bytes + ? WHERE id = ?')
  }
}

/**
 * Waiting events in a state file. One transaction per call, synced to disk when it ends. The totals of the lines are kept
 * with them: counting a million rows for `status` would hold up the daemon.
 */
export class SqliteWaitingStore implements WaitingStore {
  readonly description: string
  readonly #file: StateFile
  readonly #shapes: ShapeReader
  #statements: Statements | null = null
  readonly #lineIds = new Map<string, number>()
  /** By line and text. */
  readonly #shapeIds = new Map<number, Map<string, number>>()

  /** Owns `file`: `close` closes it. */
  constructor(file: StateFile) {
    this.#file = file
    this.description = file.path
    this.#shapes = new ShapeReader(file.path)
  }

  add(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]> {
    return this.#run((database) => {
      try {
        return inTransaction(database, () => this.#insert(database, records))
      } catch (error) {
        // Ids of rows that were undone with the transaction.
        this.#lineIds.clear()
        this.#shapeIds.clear()
        throw error
      }
    })
  }

  #insert(database: DatabaseSync, records: readonly WaitingRecord[]): (WaitingSeq | null)[] {
    const { insert, take, count, at } = this.#prepared(database)
    const totals = new Totals()
    let seq = nextSeq(database, records.length)
    const places = records.map((record) => {
      if (record.from !== undefined && at.get(record.from) === undefined) return null
      const line = this.#lineId(database, record.line)
      const shape = this.#shapeId(database, line, shapeText(record.shape))
      const { id, rowKey, baseMs, event } = record
      const bytes = Buffer.byteLength(event)
      const values = [
        id,
        line,
        shape,
        rowKey,
        isKeyed(record.line) ? 1 : 0,
        baseMs,
        bytes,
        event,
        restText(record),
      ] as const
      if (insert.run(++seq, ...values).changes === 0) {
        const before = take.get(id) as unknown as { readonly line: number; readonly bytes: number }
        totals.add(before.line, -1, -before.bytes)
        insert.run(seq, ...values)
      }
      totals.add(line, 1, bytes)
      return seq
    })
    for (const [line, { records: added, bytes }] of totals.lines) count.run(added, bytes, line)
    return places
  }

  remove(places: readonly WaitingSeq[]): Promise<void> {
    return this.#run((database) =>
      inTransaction(database, () => {
        const totals = new Totals()
        const removed = database
          .prepare('DELETE FROM waiting WHERE seq IN (SELECT value FROM json_each(?)) RETURNING line, bytes')
          .all(JSON.stringify(places)) as unknown as readonly { readonly line: number; readonly bytes: number }[]
        for (const { line, bytes } of removed) totals.add(line, -1, -bytes)
        const { count } = this.#prepared(database)
        for (const [line, { records, bytes }] of totals.lines) count.run(records, bytes, line)
      }),
    )
  }

  replace(records: readonly StoredRecord[]): Promise<void> {
    return this.#run((database) =>
      inTransaction(database, () => {
        const before = database.prepare('SELECT line, bytes FROM waiting WHERE seq = ?')
        const replace = database.prepare(
          'UPDATE waiting SET shape = ?, row_key = ?, bytes = ?, event = ? WHERE seq = ?',
        )
        const { count } = this.#prepared(database)
        for (const { seq, shape, rowKey, event } of records) {
          const found = before.get(seq) as unknown as { readonly line: number; readonly bytes: number } | undefined
          if (found === undefined) continue
          const bytes = Buffer.byteLength(event)
          replace.run(this.#shapeId(database, found.line, shapeText(shape)), rowKey, bytes, event, seq)
          count.run(0, bytes - found.bytes, found.line)
        }
      }),
    )
  }

  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]> {
    const sql = `SELECT ${COLUMNS} ${FROM} WHERE waiting.line = (SELECT id FROM waiting_lines WHERE name = ?)
      AND waiting.seq > ? ORDER BY waiting.seq LIMIT ?`
    return this.#run((database) => this.#records(line, database.prepare(sql).all(line, after, limit)))
  }

  ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]> {
    const sql = `SELECT ${COLUMNS} ${FROM} WHERE waiting.keyed = 1
      AND waiting.line = (SELECT id FROM waiting_lines WHERE name = ?) AND waiting.row_key = ? ORDER BY waiting.seq`
    return this.#run((database) => this.#records(line, database.prepare(sql).all(line, rowKey)))
  }

  lines(): Promise<readonly LineTotals[]> {
    return this.#run((database) => {
      const oldest = database.prepare('SELECT base_ms AS oldest FROM waiting WHERE line = ? ORDER BY seq LIMIT 1')
      const shapes = database.prepare('SELECT body FROM waiting_shapes WHERE line = ?')
      const lines = database.prepare('SELECT id, name, count, bytes FROM waiting_lines WHERE count > 0').all()
      return (lines as unknown as readonly LineRow[]).map(({ id, name, count, bytes }) => ({
        line: name,
        count,
        bytes,
        oldestMs: oldest.get(id)!['oldest'] as number,
        shapes: shapes.all(id).map(({ body }) => this.#shapes.read(body as string)),
      }))
    })
  }

  async close(): Promise<void> {
    this.#statements = null
    this.#file.close()
  }

  #records(line: string, rows: readonly unknown[]): StoredRecord[] {
    return (rows as readonly RecordRow[]).map(({ shape, rest, ...row }) => ({
      ...row,
      line,
      shape: this.#shapes.read(shape),
      ...readRest(rest, this.description),
    }))
  }

  #lineId(database: DatabaseSync, name: string): number {
    let id = this.#lineIds.get(name)
    if (id === undefined) {
      database
        .prepare('INSERT INTO waiting_lines (name, count, bytes) VALUES (?, 0, 0) ON CONFLICT DO NOTHING')
        .run(name)
      id = database.prepare('SELECT id FROM waiting_lines WHERE name = ?').get(name)!['id'] as number
      this.#lineIds.set(name, id)
    }
    return id
  }

  #shapeId(database: DatabaseSync, line: number, body: string): number {
    const ids = this.#shapeIds.get(line) ?? new Map<string, number>()
    this.#shapeIds.set(line, ids)
    let id = ids.get(body)
    if (id === undefined) {
      // What the line kept of records that have all left says nothing any more.
      database
        .prepare(
          'DELETE FROM waiting_shapes WHERE line = ? AND body <> ? AND NOT EXISTS (SELECT 1 FROM waiting WHERE line = ?)',
        )
        .run(line, body, line)
      database.prepare('INSERT INTO waiting_shapes (line, body) VALUES (?, ?) ON CONFLICT DO NOTHING').run(line, body)
      id = database.prepare('SELECT id FROM waiting_shapes WHERE line = ? AND body = ?').get(line, body)![
        'id'
      ] as number
      ids.set(body, id)
    }
    return id
  }

  #prepared(database: DatabaseSync): Statements {
    return (this.#statements ??= new Statements(database))
  }

  /** Opens the file on first use. */
  async #run<T>(work: (database: DatabaseSync) => T): Promise<T> {
    try {
      return work(await this.#file.open())
    } catch (error) {
      throw unreachable(this.description, stateFileError(this.#file.path, error))
    }
  }
}

interface LineRow {
  readonly id: number
  readonly name: string
  readonly count: number
  readonly bytes: number
}

type RecordRow = Omit<StoredRecord, 'line' | 'shape' | 'stage' | 'attempts'> & {
  readonly shape: string
  readonly rest: string | null
}

/** What a transaction changes, by line. */
class Totals {
  readonly lines = new Map<number, { records: number; bytes: number }>()

  add(line: number, records: number, bytes: number): void {
    const total = this.lines.get(line) ?? { records: 0, bytes: 0 }
    this.lines.set(line, { records: total.records + records, bytes: total.bytes + bytes })
  }
}

/** The place before the first of `count` new ones. */
function nextSeq(database: DatabaseSync, count: number): number {
  const row = database.prepare('UPDATE waiting_next SET seq = seq + ? RETURNING seq').get(count)
  return (row!['seq'] as number) - count
}
