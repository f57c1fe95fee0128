import type { DatabaseSync } from 'node:sqlite'
import type { StoredRecord, WaitingSeq, WaitingShape } from '../../../model/delivery/waiting.ts'
import { BlockHeads, GonePlaces, MOST_RECORDS, type NewBlock } from '../block.ts'
import { BlockStatements, type FoundBlock, type WholeBlock } from './block-statements.ts'
import { placeOf } from '../id-span.ts'
import type { Totals } from './totals.ts'

/** Blocks whose heads are kept: they are asked for by the next page, when their records leave, and to look up ids. */
const HEADS_KEPT = 160
/** Blocks that the ids of one call are looked up in. What comes lane by lane lies within the spans of all that came with it. */
const MOST_LOOKED_UP = 160

/** A record that leaves its block to be a row: the columns that both have. */
export interface TakenRecord {
  readonly line: number
  readonly columns: ReturnType<BlockHeads['columnsOf']>
}

/**
 * Records that came together, in one row: most of what a record costs by itself is its place in a table and two indexes.
 * What is written of a block never changes; which of its records have left is kept beside it. Every method is a part of the
 * transaction of its caller.
 */
export class Blocks {
  readonly #statements: BlockStatements
  readonly #place: string
  readonly #heads = new Map<WaitingSeq, BlockHeads>()

  /** `place`: of the store, for errors. */
  constructor(database: DatabaseSync, place: string) {
    this.#statements = new BlockStatements(database)
    this.#place = place
  }

  get none(): boolean {
    return this.#statements.any.get() === undefined
  }

  add(first: WaitingSeq, line: number, { count, bytes, spans, heads, events }: NewBlock): void {
    const { insert, insertId } = this.#statements
    const names: (string | number)[] = []
    for (const [name, { low, high }] of spans) {
      insertId.run(name, high, low, first)
      names.push(name, high)
    }
    insert.run(first, line, count, bytes, JSON.stringify(names), heads, events)
  }

  /** Whether any of the ids, which are all within the spans of these blocks, may be in an older one. False is certain. */
  mayHave(blocks: readonly NewBlock[], ids: ReadonlySet<string>): boolean {
    const found = new Set<WaitingSeq>()
    for (const { spans } of blocks) {
      for (const [name, { low, high }] of spans) {
        for (const { block } of this.#statements.overlapping.all(name, low, high)) found.add(block as WaitingSeq)
        if (found.size > MOST_LOOKED_UP) return true
      }
    }
    return [...found].some((block) => this.#headsOf(block).hasAny(ids))
  }

  /** A record leaves, wherever it is. Answers whether it was in a block. */
  take(id: string, suffixAt: number, totals: Totals): boolean {
    const { name, number } = placeOf(id, suffixAt)
    let isTaken = false
    for (const { block } of this.#statements.overlapping.all(name, number, number)) {
      const index = this.#headsOf(block as WaitingSeq).indexOf(id)
      if (index < 0) continue
      const found = this.#statements.at.get(block as WaitingSeq) as unknown as FoundBlock
      if (this.#leave(found, index, index, totals)) isTaken = true
    }
    return isTaken
  }

  has(seq: WaitingSeq): boolean {
    return this.#at(seq) !== null
  }

  /** Everything from one place to another leaves. */
  remove(from: WaitingSeq, to: WaitingSeq, totals: Totals): void {
    for (const block of this.#statements.between.all(from - MOST_RECORDS + 1, to) as unknown as FoundBlock[]) {
      const begin = Math.max(0, from - block.first)
      const end = Math.min(block.count - 1, to - block.first)
      if (end >= begin) this.#leave(block, begin, end, totals)
    }
  }

  /** The first records of a line behind `after`, in order. */
  page(
    line: number,
    name: string,
    after: WaitingSeq,
    limit: number,
    shapes: ReadonlyMap<unknown, WaitingShape>,
  ): StoredRecord[] {
    const found: StoredRecord[] = []
    for (const block of this.#behind(line, after)) {
      const { first, count, events } = block
      const gone = new GonePlaces(block.places)
      const heads = this.#headsOf(first)
      const records = heads.records(events, name, shapes, this.#place)
      for (let i = Math.max(0, after + 1 - first); i < count && found.length < limit; i++) {
        if (!gone.has(i)) found.push(records[i]!)
      }
      if (found.length >= limit) break
    }
    return found
  }

  /** The places of the first records of a line, about so many. */
  places(line: number, limit: number): WaitingSeq[] {
    const places: WaitingSeq[] = []
    for (const { first, count, places: bits } of this.#behind(line, 0)) {
      const gone = new GonePlaces(bits)
      for (let i = 0; i < count; i++) if (!gone.has(i)) places.push(first + i)
      if (places.length >= limit) break
    }
    return places
  }

  /** What stands there leaves, and is what the caller is to write at that place; null: nothing does. */
  takeOut(seq: WaitingSeq, totals: Totals): TakenRecord | null {
    const block = this.#at(seq)
    if (block === null) return null
    const index = seq - block.first
    const columns = this.#headsOf(block.first).columnsOf(index, block.events)
    this.#leave(block, index, index, totals)
    return { line: block.line, columns }
  }

  *#behind(line: number, after: WaitingSeq): Generator<WholeBlock> {
    for (let first = after - MOST_RECORDS; ;) {
      const block = this.#statements.next.get(line, first) as unknown as WholeBlock | undefined
      if (block === undefined) return
      first = block.first
      if (first + block.count > after + 1) yield block
    }
  }

  /** The block in which something stands at this place. */
  #at(seq: WaitingSeq): WholeBlock | null {
    const block = this.#statements.at.get(seq) as unknown as WholeBlock | undefined
    if (block === undefined || seq >= block.first + block.count) return null
    return new GonePlaces(block.places).has(seq - block.first) ? null : block
  }

  /** Some that follow each other leave. Answers whether any of them was there. */
  #leave({ first, line, count, bytes, places }: FoundBlock, from: number, to: number, totals: Totals): boolean {
    if (places === null && from === 0 && to === count - 1) {
      totals.add(line, -count, -bytes)
      this.#drop(first)
      return true
    }
    const heads = this.#headsOf(first)
    const gone = new GonePlaces(places)
    const before = gone.count
    for (let index = from; index <= to; index++) {
      if (gone.add(index)) totals.add(line, -1, -heads.bytesAt(index))
    }
    if (gone.count === before) return false
    if (gone.count === count) this.#drop(first)
    else this.#statements.setGone.run(first, gone.bits)
    return true
  }

  #drop(first: WaitingSeq): void {
    const { spans, remove, removeId, forgetGone } = this.#statements
    const names = JSON.parse(spans.get(first)!['spans'] as string) as readonly (string | number)[]
    for (let i = 0; i < names.length; i += 2) removeId.run(names[i]!, names[i + 1]!, first)
    remove.run(first)
    forgetGone.run(first)
    this.#heads.delete(first)
  }

  #headsOf(block: WaitingSeq): BlockHeads {
    let heads = this.#heads.get(block)
    if (heads === undefined) {
      const text = this.#statements.heads.get(block)!['heads'] as string
      heads = new BlockHeads(block, text, this.#place)
      if (this.#heads.size >= HEADS_KEPT) this.#heads.delete(this.#heads.keys().next().value!)
      this.#heads.set(block, heads)
    }
    return heads
  }
}
