import type { RowsBlock } from '../../../../model/source/binlog-stream.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { uncompressedRows, uncompressedRowsBytes } from '../compression/mariadb-compression.ts'
import { emptyRowsBlock, fillRowsBlock } from '../rows/rows-event.ts'
import type { RowsKind } from '../rows/rows-event.ts'
import { tableIdAt } from '../tables/table-cache.ts'
import type { MappedTable, TableCache } from '../tables/table-cache.ts'

/** Ids that servers give to rows events without content, which only end a statement. */
const DUMMY_TABLE_IDS: ReadonlySet<number> = new Set([0xff_ffff, 0xffff_ffff_ffff])

/**
 * The rows of the transaction at hand, numbered as they come: `seq` depends on what the binlog holds alone, never on
 * which tables rules name, so that a change has the same id after every replay (invariant 5).
 */
export class TransactionRows {
  readonly #tables: TableCache
  readonly #block: RowsBlock = emptyRowsBlock()
  /** Ordinal of the next rows event's first row: bytes of rows events so far, as every row takes at least one. */
  #nextSeq = 0
  #savepoints: Map<string, number> | null = null

  constructor(tables: TableCache) {
    this.#tables = tables
  }

  /** A transaction begins. */
  restart(): void {
    this.#nextSeq = 0
    this.#savepoints = null
  }

  /** The events of a statement without rows take ordinals too; answers the first of them. */
  skip(events: number): number {
    const first = this.#nextSeq
    this.#nextSeq += events
    return first
  }

  savepoint(name: string): void {
    this.#savepoints ??= new Map()
    this.#savepoints.set(name, this.#nextSeq)
  }

  /** Ordinal of the first row behind the savepoint. */
  seqOf(savepoint: string): number {
    const seq = this.#savepoints?.get(savepoint)
    if (seq === undefined) throw corrupt(`ROLLBACK TO SAVEPOINT ${savepoint}, which was not set`)
    return seq
  }

  /** Counts the rows event in; answers its rows, or null when nobody wants them. The block is good until the next call. */
  take(kind: RowsKind, buffer: Buffer, start: number, end: number): RowsBlock | null {
    const mapped = this.#table(buffer, start, end)
    if (mapped === null) return null
    const firstSeq = this.#nextSeq
    if (!mapped.wanted) {
      this.#nextSeq += kind.compressed ? uncompressedRowsBytes(kind, buffer, start, end) : end - start
      return null
    }
    const body = kind.compressed ? uncompressedRows(kind, buffer, start, end) : buffer
    const bodyStart = kind.compressed ? 0 : start
    const bodyEnd = kind.compressed ? body.length : end
    this.#nextSeq += bodyEnd - bodyStart
    fillRowsBlock(this.#block, kind, mapped, body, bodyStart, bodyEnd)
    this.#block.firstSeq = firstSeq
    return this.#block
  }

  #table(buffer: Buffer, start: number, end: number): MappedTable | null {
    const id = tableIdAt(buffer, start, end)
    const mapped = this.#tables.get(id)
    if (mapped === null && !DUMMY_TABLE_IDS.has(id)) {
      throw corrupt(`rows of table id ${id}, which no TABLE_MAP event describes`)
    }
    return mapped
  }
}
