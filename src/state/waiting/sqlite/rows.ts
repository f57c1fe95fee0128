import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { WaitingRecord, WaitingSeq } from '../../../model/delivery/waiting.ts'
import { suffixOf } from '../id-span.ts'
import type { Blocks } from './blocks.ts'
import { idsBehind } from '../texts.ts'
import type { LineSum, Totals } from './totals.ts'

const SELECT = 'SELECT seq, id, shape, row_key, base_ms, bytes, event, rest FROM waiting'
/** What it answers, as arrays: objects of rows are slow to make and to read. */
export type FoundRow = readonly [
  seq: number,
  id: string,
  shape: number,
  rowKey: string,
  baseMs: number,
  bytes: number,
  event: string,
  rest: string | null,
]

const LINE = '(SELECT id FROM waiting_lines WHERE name = ?)'
const ROW = '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
const ROW_LENGTH = 10
/** Records of one INSERT: a call of the engine costs about as much as a row. */
const TOGETHER = 16

/** Prepared once: all but a few run for each record, or for each page. */
export class Statements {
  readonly insert: StatementSync
  readonly insertMany: StatementSync
  readonly take: StatementSync
  readonly any: StatementSync
  readonly at: StatementSync
  readonly withId: StatementSync
  readonly totals: StatementSync
  readonly remove: StatementSync
  readonly count: StatementSync
  readonly page: StatementSync
  readonly ofKey: StatementSync
  readonly shapes: StatementSync
  readonly keyed: StatementSync
  readonly keyedLine: StatementSync

  constructor(database: DatabaseSync) {
    const insert = (rows: number): StatementSync =>
      database.prepare(`INSERT INTO waiting VALUES ${Array(rows).fill(ROW).join()} ON CONFLICT (id) DO NOTHING`)
    this.insert = insert(1)
    this.insertMany = insert(TOGETHER)
    this.take = database.prepare('DELETE FROM waiting WHERE id = ? AND seq < ? RETURNING line, bytes')
    this.any = database.prepare('SELECT 1 FROM waiting LIMIT 1')
    this.withId = database.prepare('SELECT 1 FROM waiting WHERE id = ?')
    this.at = database.prepare('SELECT line, bytes FROM waiting WHERE seq = ?')
    this.totals = database.prepare(
      'SELECT line, count(*) AS records, sum(bytes) AS bytes FROM waiting WHERE seq BETWEEN ? AND ? GROUP BY line',
    )
    this.remove = database.prepare('DELETE FROM waiting WHERE seq BETWEEN ? AND ?')
    this.count = database.prepare('UPDATE waiting_lines SET count = count + ?, bytes = bytes + ? WHERE id = ?')
    this.page = database.prepare(`${SELECT} WHERE line = ${LINE} AND seq > ? ORDER BY seq LIMIT ?`)
    this.ofKey = database.prepare(`${SELECT} WHERE keyed = 1 AND line = ${LINE} AND row_key = ? ORDER BY seq`)
    this.page.setReturnArrays(true)
    this.ofKey.setReturnArrays(true)
    this.keyed = database.prepare('SELECT line FROM waiting_keyed')
    this.keyedLine = database.prepare('SELECT complete FROM waiting_keyed WHERE line = ?')
    this.shapes = database.prepare(`SELECT id, body FROM waiting_shapes WHERE line = ${LINE}`)
  }
}

/** The columns of a record, in order. */
type NewRow = readonly [
  seq: number,
  id: string,
  line: number,
  shape: number,
  rowKey: string,
  keyed: number,
  baseMs: number,
  bytes: number,
  event: string,
  rest: string | null,
]

/** Rows on their way into the table. One whose id is there already takes its place, and the one before leaves. */
export class NewRows {
  readonly #statements: Statements
  readonly #totals: Totals
  /** Null: there are none, in which an id may be. */
  readonly #blocks: Blocks | null
  /** One after the other, as they are bound. */
  #values: NewRow[number][] = []
  #records: WaitingRecord[] = []

  constructor(statements: Statements, totals: Totals, blocks: Blocks | null) {
    this.#statements = statements
    this.#totals = totals
    this.#blocks = blocks
  }

  add(record: WaitingRecord, ...row: NewRow): void {
    if (this.#blocks?.take(record.id, suffixOf(record.id, record.shape), this.#totals) === true) {
      this.write()
      this.#dropBehind(record, row[0])
    }
    this.#records.push(record)
    if (this.#values.push(...row) === TOGETHER * ROW_LENGTH) this.write()
  }

  write(): void {
    const { insert, insertMany, at } = this.#statements
    const [values, records] = [this.#values, this.#records]
    this.#values = []
    this.#records = []
    const isWhole = values.length === TOGETHER * ROW_LENGTH
    if (isWhole && insertMany.run(...values).changes === TOGETHER) return
    for (let first = 0; first < values.length; first += ROW_LENGTH) {
      const row = values.slice(first, first + ROW_LENGTH) as unknown as NewRow
      const isIn = isWhole ? at.get(row[0]) !== undefined : insert.run(...row).changes === 1
      if (!isIn) this.#replace(row, records[first / ROW_LENGTH]!)
    }
  }

  #replace(row: NewRow, record: WaitingRecord): void {
    const [seq, id] = row
    this.#drop(id, seq)
    this.#dropBehind(record, seq)
    this.#statements.insert.run(...row)
  }

  #dropBehind(record: WaitingRecord, seq: WaitingSeq): void {
    const suffixAt = suffixOf(record.id, record.shape)
    for (const behind of idsBehind(record)) {
      this.#blocks?.take(behind, suffixAt, this.#totals)
      this.#drop(behind, seq)
    }
  }

  /** What was there before the place that something has now. */
  #drop(id: string, seq: WaitingSeq): void {
    const before = this.#statements.take.get(id, seq) as unknown as Omit<LineSum, 'records'> | undefined
    if (before !== undefined) this.#totals.add(before.line, -1, -before.bytes)
  }
}

/** Places that follow each other without a gap, first and last of each run. */
export function runsOf(places: readonly WaitingSeq[]): [first: WaitingSeq, last: WaitingSeq][] {
  const runs: [WaitingSeq, WaitingSeq][] = []
  for (const seq of places.toSorted((a, b) => a - b)) {
    const run = runs.at(-1)
    if (run !== undefined && seq <= run[1] + 1) run[1] = seq
    else runs.push([seq, seq])
  }
  return runs
}
