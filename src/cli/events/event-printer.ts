import type { DdlStatement, PresentColumns, RowsBlock, TransactionHandler } from '../../model/source/binlog-stream.ts'
import { Change, type Transaction } from '../../model/event/change.ts'
import type { RowOp } from '../../model/event/row.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { CompileRowDecoder, CompileRowImages, RowDecoder } from '../../match/program/row-decoder.ts'
import type { RowImages } from '../../model/event/bytes/image-change.ts'
import type { LineOutput } from '../output/line-output.ts'
import { lineOf, statementLine, type LineFormat } from './event-line.ts'
import { KeptLines } from './kept-lines.ts'

export interface EventPrinterOptions {
  readonly format: LineFormat
  /** Print TRUNCATE and DDL too. */
  readonly ddl: boolean
  /** Events to print before `onLimit`. */
  readonly limit: number
  readonly wants: (schema: string, table: string) => boolean
  /** What is shown in place of a row: an event that it stands for, or the row itself. Null for tables of rows alone. */
  readonly shownAs: (table: TableDef, op: RowOp) => ((change: Change) => Change) | null
  readonly compileRowDecoder: CompileRowDecoder
  /** Absent: every row is decoded. */
  readonly compileRowImages?: CompileRowImages
  readonly output: LineOutput
  readonly onLimit: () => void
}

/** Lines of a transaction are kept back until its commit was read, up to this size; a larger one is printed as it comes. */
const BUFFER_BYTES = 8 * 1024 * 1024
/**
 * A larger one goes out in pieces that are sent as soon as they have this size. A piece has at most one more block of rows
 * then, and fits into the 64 kB of a pipe: who reads at our pace has emptied it by the time of the next piece, so that
 * nobody waits for the other.
 */
const PIECE_BYTES = 32 * 1024

/** How rows of one table, operation and set of columns become lines. */
interface Readers {
  readonly old: PresentColumns
  readonly new: PresentColumns
  readonly key: string
  readonly decode: RowDecoder
  readonly shownAs: ((change: Change) => Change) | null
  /** Null: by way of decoded rows. */
  readonly images: RowImages | null
}

/** Turns every committed row change into a line. Whole rows; one reader per table, operation and set of columns. */
export class EventPrinter implements TransactionHandler {
  /** Grows with whatever comes in: for telling an idle stream. */
  activity = 0
  inTransaction = false
  private readonly options: EventPrinterOptions
  private readonly readers = new WeakMap<TableDef, Readers[]>()
  private transaction: Transaction | null = null
  private readonly kept = new KeptLines(BUFFER_BYTES)
  private lastSeq = -1
  private streaming = false
  private printed = 0
  /** The reader of stdout is slow: rows wait for it. */
  private pending: Promise<void> | undefined
  /** What of a large transaction was printed before its end, should the connection break and it come again. */
  private streamed = { id: '', seq: -1 }

  constructor(options: EventPrinterOptions) {
    this.options = options
  }

  wants(table: TableDef): boolean {
    return this.options.wants(table.schema, table.name)
  }

  begin(transaction: Transaction): void {
    this.activity += 1
    this.inTransaction = true
    this.transaction = transaction
    this.kept.dropFrom(0)
    this.streaming = false
  }

  rows(block: RowsBlock): void | Promise<void> {
    this.activity += 1
    const readers = this.readersFor(block)
    if (readers.images === null) this.decoded(block, readers)
    else this.written(block, readers.images)
    if (this.kept.bytes > BUFFER_BYTES) this.streaming = true
    if (this.streaming && this.kept.bytes > PIECE_BYTES) this.print()
    return this.pending
  }

  private written({ buffer, start, end, firstSeq }: RowsBlock, images: RowImages): void {
    const { kept } = this
    const transaction = this.transaction!
    const { query } = transaction
    let seq = firstSeq
    for (let at = start; at < end; at = images.rowEnd) {
      const to = images.write(buffer, at, end, transaction, seq, query, kept.arena)
      if (this.wantsLine(seq)) kept.add(firstSeq, to)
      seq += 1
    }
  }

  private decoded(block: RowsBlock, { decode, shownAs }: Readers): void {
    const { table, op, firstSeq } = block
    const transaction = this.transaction!
    let seq = firstSeq
    decode(block.buffer, block.start, block.end, (old, new_) => {
      const change = new Change(table, op, transaction, seq, old, new_, transaction.query)
      if (this.wantsLine(seq))
        this.kept.addText(firstSeq, lineOf(shownAs === null ? change : shownAs(change), this.options.format))
      seq += 1
    })
  }

  ddl(statement: DdlStatement): void {
    this.activity += 1
    if (!this.options.ddl || this.transaction === null) return
    const tables = statement.tables.length > 0 ? statement.tables : [{ schema: statement.schema, table: '' }]
    tables.forEach(({ schema, table }, seq) => {
      if (table === '' || this.options.wants(schema, table)) {
        const line = statementLine(statement, { schema, table }, seq, this.transaction!, this.options.format)
        if (this.wantsLine(seq)) this.kept.addText(seq, line)
      }
    })
  }

  commit(): void {
    this.activity += 1
    this.inTransaction = false
    this.print()
  }

  rollback(): void {
    this.inTransaction = false
    this.kept.dropFrom(0)
  }

  rollbackTo(seq: number): void {
    this.kept.dropFrom(seq)
  }

  advance(): void {
    // Positions do not matter here.
  }

  /** Not one that was printed before a lost connection, nor one beyond the limit. */
  private wantsLine(seq: number): boolean {
    if (this.transaction?.id === this.streamed.id && seq <= this.streamed.seq) return false
    this.lastSeq = seq
    return this.kept.count < this.options.limit - this.printed
  }

  private print(): void {
    const { limit, output, onLimit } = this.options
    if (this.kept.count === 0) return
    if (this.streaming) this.streamed = { id: this.transaction!.id, seq: this.lastSeq }
    this.printed += this.kept.count
    const { buffers, written: done } = this.kept.take()
    const written = output.writeBytes(buffers, done)
    if (written instanceof Promise) this.pending = written.then(() => (this.pending = undefined))
    if (this.printed >= limit) onLimit()
  }

  private readersFor({ table, op, presentOld, presentNew, partialJson }: RowsBlock): Readers {
    const key = `${op} ${partialJson}`
    let known = this.readers.get(table)
    if (known === undefined) this.readers.set(table, (known = []))
    let found = known.find((each) => each.old === presentOld && each.new === presentNew && each.key === key)
    if (found === undefined) {
      const { compileRowDecoder, compileRowImages, format } = this.options
      const shape = { op, presentOld, presentNew, partialJson }
      const decode = compileRowDecoder(table, shape, { old: 'all', new: 'all' })
      const shownAs = this.options.shownAs(table, op)
      const images = format === 'json' && shownAs === null ? (compileRowImages?.(table, shape) ?? null) : null
      found = { old: presentOld, new: presentNew, key, decode, shownAs, images }
      known.push(found)
    }
    return found
  }
}
