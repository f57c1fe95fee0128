import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { inTransaction } from '../../clients/sqlite.ts'
import type {
  LineTotals,
  StoredRecord,
  WaitingRecord,
  WaitingSeq,
  WaitingShape,
  WaitingStore,
} from '../../model/delivery/waiting.ts'
import { stateFileError } from '../sqlite/errors.ts'
import type { StateFile } from '../sqlite/state-file.ts'
import { NewRows, runsOf, Statements, Totals, type FoundRow, type LineSum } from './sqlite-rows.ts'
import { readRest, restText, ShapeReader, shapeText, unreachable } from './texts.ts'

/** Records that come into the index of keys in one transaction. */
const KEYED_AT_ONCE = 5_000

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
    const statements = this.#prepared(database)
    const totals = new Totals()
    const rows = new NewRows(statements, totals)
    const keyed = new Set(statements.keyed.all().map((row) => row['line']))
    let seq = nextSeq(database, records.length)
    const places = records.map((record) => {
      if (record.from !== undefined) {
        // What comes before it in this call may have moved it.
        rows.write()
        if (statements.at.get(record.from) === undefined) return null
      }
      const line = this.#lineId(database, record.line)
      const shape = this.#shapeId(database, line, shapeText(record.shape), rows)
      const { id, rowKey, baseMs, event } = record
      const bytes = Buffer.byteLength(event)
      rows.add(record, ++seq, id, line, shape, rowKey, keyed.has(line) ? 1 : 0, baseMs, bytes, event, restText(record))
      totals.add(line, 1, bytes)
      return seq
    })
    rows.write()
    totals.write(statements)
    return places
  }

  remove(places: readonly WaitingSeq[]): Promise<void> {
    return this.#run((database) =>
      inTransaction(database, () => {
        const statements = this.#prepared(database)
        const totals = new Totals()
        for (const [first, last] of runsOf(places)) {
          const removed = statements.totals.all(first, last) as unknown as readonly LineSum[]
          for (const { line, records, bytes } of removed) totals.add(line, -records, -bytes)
          statements.remove.run(first, last)
        }
        totals.write(statements)
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
          replace.run(this.#shapeId(database, found.line, shapeText(shape), null), rowKey, bytes, event, seq)
          count.run(0, bytes - found.bytes, found.line)
        }
      }),
    )
  }

  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]> {
    return this.#run((database) => this.#records(database, line, this.#prepared(database).page.all(line, after, limit)))
  }

  async ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]> {
    await this.#keyLine(line)
    return this.#run((database) => this.#records(database, line, this.#prepared(database).ofKey.all(line, rowKey)))
  }

  /**
   * Most lines are never asked for a key, and an index of keys, which come in no order, costs as much as all else that is
   * written: it is filled when it is asked for first, some records at a time, and kept from then on.
   */
  async #keyLine(name: string): Promise<void> {
    const known = await this.#run((database) => {
      const line = this.#lineId(database, name)
      const [found] = this.#prepared(database).keyedLine.all(line)
      // What is added from now on has its key in the index.
      if (found === undefined) database.prepare('INSERT INTO waiting_keyed VALUES (?, 0)').run(line)
      return { line, complete: found?.['complete'] === 1 }
    })
    if (known.complete) return
    for (let after = 0; after !== Infinity;) {
      after = await this.#run((database) => inTransaction(database, () => keySome(database, known.line, after)))
      // Others have their turn: there may be a million of them.
      await setImmediate()
    }
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

  #records(database: DatabaseSync, line: string, rows: readonly unknown[]): StoredRecord[] {
    const shapes = new Map<unknown, WaitingShape>()
    if (rows.length > 0) {
      // Asked for once per page: the text of a shape is longer than most records.
      for (const { id, body } of this.#prepared(database).shapes.all(line)) {
        shapes.set(id, this.#shapes.read(body as string))
      }
    }
    return (rows as readonly FoundRow[]).map(([seq, id, shape, rowKey, baseMs, bytes, event, rest]) => {
      const { stage, attempts } = readRest(rest, this.description)
      return { seq, id, line, shape: shapes.get(shape)!, rowKey, baseMs, bytes, event, stage, attempts }
    })
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

  #shapeId(database: DatabaseSync, line: number, body: string, rows: NewRows | null): number {
    const ids = this.#shapeIds.get(line) ?? new Map<string, number>()
    this.#shapeIds.set(line, ids)
    let id = ids.get(body)
    if (id === undefined) {
      rows?.write()
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

/** The place before the first of `count` new ones. */
function nextSeq(database: DatabaseSync, count: number): number {
  const row = database.prepare('UPDATE waiting_next SET seq = seq + ? RETURNING seq').get(count)
  return (row!['seq'] as number) - count
}

/** Puts the next records of a line into the index of keys. Answers the place of the last; Infinity: that was the end. */
function keySome(database: DatabaseSync, line: number, after: WaitingSeq): WaitingSeq {
  const some = database.prepare('SELECT seq FROM waiting WHERE line = ? AND seq > ? ORDER BY seq LIMIT ?')
  const last = some.all(line, after, KEYED_AT_ONCE).at(-1)?.['seq'] as WaitingSeq | undefined
  if (last === undefined) {
    database.prepare('UPDATE waiting_keyed SET complete = 1 WHERE line = ?').run(line)
    return Infinity
  }
  database
    .prepare('UPDATE waiting SET keyed = 1 WHERE line = ? AND seq > ? AND seq <= ? AND keyed = 0')
    .run(line, after, last)
  return last
}
