import type { DatabaseSync } from 'node:sqlite'
import type { WaitingRecord, WaitingSeq, WaitingShape } from '../../../model/delivery/waiting.ts'
import { blocksOf } from '../block.ts'
import type { Blocks } from './blocks.ts'
import type { Names } from './names.ts'
import { NewRows, type Statements } from './rows.ts'
import type { Totals } from './totals.ts'
import { restText } from '../texts.ts'

/** What an open file is worked on with. */
export interface Prepared {
  readonly database: DatabaseSync
  readonly statements: Statements
  readonly blocks: Blocks
}

/** One call of `add`, within its transaction. The shapes of its records have been prepared. */
export class Insertion {
  readonly #prepared: Prepared
  readonly #names: Names
  readonly #totals: Totals
  /** Lines whose records are found by their keys, for which each has to be a row. */
  readonly #keyed: ReadonlySet<unknown>

  constructor(prepared: Prepared, names: Names, totals: Totals) {
    this.#prepared = prepared
    this.#names = names
    this.#totals = totals
    this.#keyed = new Set(prepared.statements.keyed.all().map((row) => row['line']))
  }

  /** `first`: the first of as many places as there are records. */
  insert(records: readonly WaitingRecord[], first: WaitingSeq): readonly (WaitingSeq | null)[] {
    return this.#insertBlocks(records, first) ?? this.#insertRows(records, first)
  }

  /** Null, and nothing is written: some have been there before, or are keyed. What has not moves nothing by coming. */
  #insertBlocks(records: readonly WaitingRecord[], first: WaitingSeq): WaitingSeq[] | null {
    const { blocks } = this.#prepared
    const ids = new Set<string>()
    for (const { id, from } of records) {
      if (from !== undefined) return null
      ids.add(id)
    }
    if (ids.size < records.length || this.#isRow(ids)) return null
    const lines = [...byLine(records)].map(([name, ofLine]) => {
      const line = this.#names.line(this.#prepared.database, name)
      return { name, line, first: 0, blocks: this.#keyed.has(line) ? null : blocksOf(ofLine, this.#shapeIds(line)) }
    })
    if (lines.some((line) => line.blocks === null)) return null
    const added = lines.flatMap((line) => line.blocks!)
    if (blocks.mayHave(added, ids)) return null
    let next = first
    for (const line of lines) {
      line.first = next
      for (const block of line.blocks!) {
        blocks.add(next, line.line, block)
        this.#totals.add(line.line, block.count, block.bytes)
        next += block.count
      }
    }
    if (lines.length === 1) return records.map((_, i) => first + i)
    const nextOf = new Map(lines.map((line) => [line.name, line.first]))
    return records.map(({ line }) => {
      const seq = nextOf.get(line)!
      nextOf.set(line, seq + 1)
      return seq
    })
  }

  #isRow(ids: ReadonlySet<string>): boolean {
    const { any, withId } = this.#prepared.statements
    if (any.get() === undefined) return false
    for (const id of ids) if (withId.get(id) !== undefined) return true
    return false
  }

  /** Mostly asked for the same one again. */
  #shapeIds(line: number): (shape: WaitingShape) => number {
    let last: WaitingShape | null = null
    let id = 0
    return (shape) => {
      if (shape !== last) id = this.#names.shape(line, shape)
      last = shape
      return id
    }
  }

  #insertRows(records: readonly WaitingRecord[], first: WaitingSeq): (WaitingSeq | null)[] {
    const { database, statements, blocks } = this.#prepared
    const rows = new NewRows(statements, this.#totals, blocks.none ? null : blocks)
    const places = records.map((record, i) => {
      const { id, shape, rowKey, baseMs, event, from } = record
      if (from !== undefined) {
        // What comes before it in this call may have moved it.
        rows.write()
        if (statements.at.get(from) === undefined && !blocks.has(from)) return null
      }
      const seq = first + i
      const line = this.#names.line(database, record.line)
      const shapeId = this.#names.shape(line, shape)
      const bytes = Buffer.byteLength(event)
      const keyed = this.#keyed.has(line) ? 1 : 0
      rows.add(record, seq, id, line, shapeId, rowKey, keyed, baseMs, bytes, event, restText(record))
      this.#totals.add(line, 1, bytes)
      return seq
    })
    rows.write()
    return places
  }
}

/** Mostly all are of one. */
function byLine(records: readonly WaitingRecord[]): ReadonlyMap<string, readonly WaitingRecord[]> {
  const first = records[0]?.line
  if (first !== undefined && records.every(({ line }) => line === first)) return new Map([[first, records]])
  return Map.groupBy(records, ({ line }) => line)
}
