import type { SqlRow } from '../../../clients/sql/session.ts'
import type {
  LineTotals,
  StoredRecord,
  WaitingRecord,
  WaitingSeq,
  WaitingShape,
  WaitingStore,
} from '../../../model/delivery/waiting.ts'
import { waitingCorrupt } from '../../../model/delivery/waiting-corrupt.ts'
import type { BingoError } from '../../../model/errors.ts'
import type { InstancePlace } from '../../sql/instance-place.ts'
import { chunksOf, hashOf, textOf, textOrNull } from '../../sql/texts.ts'
import { Addition } from './addition.ts'
import { LineChanges } from './lines.ts'
import { replaceSome } from './replacement.ts'
import { AT_ONCE, rowHash } from './rows.ts'
import { runsOf } from '../sqlite/rows.ts'
import { readRest, ShapeReader, unreachable } from '../texts.ts'

const FOUND = 'seq, id, shape, row_key, base_ms, bytes, event, rest'
/** A page whose shape has left since it was read has left itself. */
const READS = 5

/**
 * Waiting events on a database server, for workers on many machines. As durable as that server is (docs/scale.md). What
 * changes them is a transaction that has the instance for itself; what reads them is one statement, so that records that move
 * meanwhile are seen at one of their places, and never behind what they moved behind.
 */
export class SqlWaitingStore implements WaitingStore {
  readonly description: string
  readonly #place: InstancePlace
  readonly #shapes: ShapeReader
  /** By their hashes. */
  readonly #known = new Map<string, WaitingShape>()

  /** Owns `place`: `close` closes it. */
  constructor(place: InstancePlace) {
    this.#place = place
    this.description = place.description
    this.#shapes = new ShapeReader(this.description)
  }

  async add(records: readonly WaitingRecord[]): Promise<readonly (WaitingSeq | null)[]> {
    if (records.length === 0) return []
    const { isMysql } = this.#place
    return this.#told(
      this.#place.transaction((session, instance) => new Addition(session, instance).add(records, isMysql)),
    )
  }

  async remove(places: readonly WaitingSeq[]): Promise<void> {
    if (places.length === 0) return
    await this.#told(
      this.#place.alone(async (session, instance) => {
        const changes = new LineChanges()
        for (const runs of chunksOf(runsOf(places), AT_ONCE)) {
          const of = `FROM bingo_waiting WHERE instance = ? AND (${runs.map(() => 'seq BETWEEN ? AND ?').join(' OR ')})`
          const values = [instance, ...runs.flat()]
          const sums = `SELECT line, count(*) AS records, sum(bytes) AS bytes ${of} GROUP BY line`
          const { rows } = await session.run(sums, values)
          if (rows.length === 0) continue
          for (const { line, records, bytes } of rows) changes.add(String(line), -Number(records), -Number(bytes))
          await session.run(`DELETE ${of}`, values)
        }
        await changes.write(session, instance, this.#place.isMysql)
        await changes.removeEmpty(session, instance)
      }),
    )
  }

  async replace(records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return
    const { isMysql } = this.#place
    await this.#told(
      this.#place.alone(async (session, instance) => {
        for (const some of chunksOf(records, AT_ONCE, ({ event }) => event.length)) {
          await replaceSome(session, instance, some, isMysql)
        }
      }),
    )
  }

  page(line: string, after: WaitingSeq, limit: number): Promise<readonly StoredRecord[]> {
    // Otherwise MySQL may look through all lines for one with few records.
    const index = this.#place.isMysql ? 'FORCE INDEX (in_line)' : ''
    const sql = `SELECT ${FOUND} FROM bingo_waiting ${index} WHERE instance = ? AND line = ? AND seq > ? ORDER BY seq LIMIT ?`
    return this.#records(line, sql, [hashOf(line), after, limit])
  }

  ofKey(line: string, rowKey: string): Promise<readonly StoredRecord[]> {
    const sql = `SELECT ${FOUND} FROM bingo_waiting WHERE instance = ? AND row_hash = ? ORDER BY seq`
    return this.#records(line, sql, [rowHash(line, rowKey) ?? ''])
  }

  async lines(): Promise<readonly LineTotals[]> {
    const sql = `SELECT l.name, l.records, l.bytes, s.body, (SELECT w.base_ms FROM bingo_waiting w
      WHERE w.instance = l.instance AND w.line = l.line ORDER BY w.seq LIMIT 1) AS oldest
      FROM bingo_waiting_lines l JOIN bingo_waiting_shapes s ON s.instance = l.instance AND s.line = l.line
      WHERE l.instance = ? AND l.records > 0`
    const { rows } = await this.#told(this.#place.use((session, instance) => session.run(sql, [instance])))
    return [...Map.groupBy(rows, ({ name }) => textOf(name))].map(([line, found]) => ({
      line,
      count: Number(found[0]!['records']),
      bytes: Number(found[0]!['bytes']),
      oldestMs: Number(found[0]!['oldest']),
      shapes: found.map(({ body }) => this.#shapes.read(textOf(body))),
    }))
  }

  close(): Promise<void> {
    return this.#place.close()
  }

  async #records(line: string, sql: string, values: readonly (string | number)[]): Promise<readonly StoredRecord[]> {
    for (let reads = 1; ; reads++) {
      const { rows } = await this.#told(this.#place.use((session, instance) => session.run(sql, [instance, ...values])))
      const isKnown = ({ shape }: SqlRow): boolean => this.#known.has(String(shape))
      if (!rows.every(isKnown)) await this.#readShapes(line)
      if (rows.every(isKnown)) return rows.map((row) => this.#record(line, row))
      if (reads === READS) throw this.#withoutShape()
    }
  }

  async #readShapes(line: string): Promise<void> {
    const sql = 'SELECT shape, body FROM bingo_waiting_shapes WHERE instance = ? AND line = ?'
    const { rows } = await this.#told(
      this.#place.use((session, instance) => session.run(sql, [instance, hashOf(line)])),
    )
    for (const { shape, body } of rows) this.#known.set(String(shape), this.#shapes.read(textOf(body)))
  }

  #record(line: string, row: SqlRow): StoredRecord {
    return {
      seq: Number(row['seq']),
      id: textOf(row['id']),
      line,
      shape: this.#known.get(String(row['shape']))!,
      rowKey: textOf(row['row_key']),
      baseMs: Number(row['base_ms']),
      bytes: Number(row['bytes']),
      event: textOf(row['event']),
      ...readRest(textOrNull(row['rest']), this.description),
    }
  }

  #withoutShape(): BingoError {
    const fault = 'what describes it is missing (bingo_waiting_shapes)'
    return waitingCorrupt(`A waiting event in ${this.description}`, fault)
  }

  /** Rejects with BINGO_WAITING_UNREACHABLE or BINGO_STATE_NEWER. */
  #told<T>(result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      throw unreachable(this.description, error)
    })
  }
}
