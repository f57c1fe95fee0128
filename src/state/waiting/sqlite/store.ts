import type { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { whenFree } from '../../../clients/sqlite/free.ts'
import { inTransaction } from '../../../clients/sqlite/sqlite.ts'
import type {
  LineTotals,
  StoredRecord,
  WaitingRecord,
  WaitingSeq,
  WaitingShape,
  WaitingStore,
} from '../../../model/delivery/waiting.ts'
import { stateFileError } from '../../sqlite/errors.ts'
import type { StateFile } from '../../sqlite/state-file.ts'
import { Blocks } from './blocks.ts'
import { Insertion, type Prepared } from './insertion.ts'
import { beginKeys, keySome, separate } from './keys.ts'
import { Names } from './names.ts'
import { runsOf, Statements, type FoundRow } from './rows.ts'
import { type LineSum, Totals } from './totals.ts'
import { readRest, ShapeReader, unreachable } from '../texts.ts'

/**
 * Waiting events in a state file. One transaction per call, synced to disk when it ends. What comes together is kept in
 * blocks; what comes again, is changed, or is asked for by its key is a row of its own. The totals of the lines are kept with
 * them: counting a million rows for `status` would hold up the daemon.
 */
export class SqliteWaitingStore implements WaitingStore {
  readonly description: string
  readonly #file: StateFile
  readonly #shapes: ShapeReader
  readonly #names = new Names()
  #prepared: Prepared | null = null

  /** Owns `file`: `close` closes it. */
  constructor(file: StateFile) {
    this.#file = file
    this.description = file.path
    this.#shapes = new ShapeReader(file.path)
  }

  add(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]> {
    return this.#change((prepared, totals) => {
      const { database } = prepared
      this.#names.prepare(database, records)
      const first = nextSeq(database, records.length) + 1
      return new Insertion(prepared, this.#names, totals).insert(records, first)
    })
  }

  remove(places: readonly WaitingSeq[]): Promise<void> {
    return this.#change(({ statements, blocks }, totals) => {
      const rowsToo = statements.any.get() !== undefined
      for (const [first, last] of runsOf(places)) {
        blocks.remove(first, last, totals)
        if (!rowsToo) continue
        const removed = statements.totals.all(first, last) as unknown as readonly LineSum[]
        for (const { line, records, bytes } of removed) totals.add(line, -records, -bytes)
        statements.remove.run(first, last)
      }
    })
  }

  replace(records: readonly StoredRecord[]): Promise<void> {
    return this.#change((prepared, totals) => {
      const { database, statements } = prepared
      this.#names.prepare(database, records)
      const places = records.map(({ seq }) => seq)
      separate(prepared, places, totals)
      const replace = database.prepare('UPDATE waiting SET shape = ?, row_key = ?, bytes = ?, event = ? WHERE seq = ?')
      for (const { seq, shape, rowKey, event } of records) {
        const found = statements.at.get(seq) as unknown as LineSum | undefined
        if (found === undefined) continue
        const bytes = Buffer.byteLength(event)
        replace.run(this.#names.shape(found.line, shape), rowKey, bytes, event, seq)
        totals.add(found.line, 0, bytes - found.bytes)
      }
    })
  }

  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]> {
    return this.#run((prepared) => this.#page(prepared, line, after, limit))
  }

  async ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]> {
    await this.#keyLine(line)
    return this.#run((prepared) => this.#rows(prepared, line, prepared.statements.ofKey.all(line, rowKey)))
  }

  /**
   * Most lines are never asked for a key, and an index of keys, which come in no order, costs as much as all else that is
   * written: it is filled when it is asked for first, some records at a time, and kept from then on.
   */
  async #keyLine(name: string): Promise<void> {
    const known = await this.#change((prepared) => {
      const line = this.#names.line(prepared.database, name)
      return { line, complete: beginKeys(prepared, line) }
    })
    if (known.complete) return
    for (let after = 0; after !== Infinity;) {
      after = await this.#change((prepared, totals) => keySome(prepared, known.line, after, totals))
    }
  }

  lines(): Promise<readonly LineTotals[]> {
    return this.#run((prepared) => {
      const { database } = prepared
      const shapes = database.prepare('SELECT body FROM waiting_shapes WHERE line = ?')
      const lines = database.prepare('SELECT id, name, count, bytes FROM waiting_lines WHERE count > 0').all()
      return (lines as unknown as readonly LineRow[]).map(({ id, name, count, bytes }) => ({
        line: name,
        count,
        bytes,
        oldestMs: this.#page(prepared, name, 0, 1)[0]!.baseMs,
        shapes: shapes.all(id).map(({ body }) => this.#shapes.read(body as string)),
      }))
    })
  }

  async close(): Promise<void> {
    this.#prepared = null
    this.#file.close()
  }

  #page(prepared: Prepared, line: string, after: WaitingSeq, limit: number): readonly StoredRecord[] {
    const { database, statements, blocks } = prepared
    const id = this.#names.knownLine(database, line)
    if (id === null) return []
    const rows = this.#rows(prepared, line, statements.page.all(line, after, limit))
    const inBlocks = blocks.page(id, line, after, limit, this.#shapesOf(prepared, line))
    if (rows.length === 0) return inBlocks
    return [...rows, ...inBlocks].toSorted((a, b) => a.seq - b.seq).slice(0, limit)
  }

  #rows(prepared: Prepared, line: string, rows: readonly unknown[]): StoredRecord[] {
    if (rows.length === 0) return []
    const shapes = this.#shapesOf(prepared, line)
    return (rows as readonly FoundRow[]).map(([seq, id, shape, rowKey, baseMs, bytes, event, rest]) => {
      const { stage, attempts } = readRest(rest, this.description)
      return { seq, id, line, shape: shapes.get(shape)!, rowKey, baseMs, bytes, event, stage, attempts }
    })
  }

  /** Asked for once per page: the text of a shape is longer than most records. */
  #shapesOf({ statements }: Prepared, line: string): ReadonlyMap<unknown, WaitingShape> {
    return new Map(statements.shapes.all(line).map(({ id, body }) => [id, this.#shapes.read(body as string)]))
  }

  /** One transaction, with what it changes of the totals. */
  #change<T>(work: (prepared: Prepared, totals: Totals) => T): Promise<T> {
    const change = (prepared: Prepared): T => {
      try {
        return inTransaction(prepared.database, () => {
          const totals = new Totals()
          const result = work(prepared, totals)
          totals.write(prepared.statements)
          return result
        })
      } catch (error) {
        // Numbers of rows that were undone with the transaction.
        this.#names.forget()
        throw error
      }
    }
    return this.#run((prepared) => whenFree(prepared.database, () => change(prepared)))
  }

  /** Opens the file on first use. Its work is done at once: whoever calls again and again lets others have their turn. */
  async #run<T>(work: (prepared: Prepared) => T | Promise<T>): Promise<T> {
    try {
      const database = await this.#file.open()
      this.#prepared ??= {
        database,
        statements: new Statements(database),
        blocks: new Blocks(database, this.description),
      }
      const result = await work(this.#prepared)
      await setImmediate()
      return result
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
