import type { DdlStatement, PresentColumns, RowsBlock, TransactionHandler } from '../../model/source/binlog-stream.ts'
import { Change, type ChangeEvent, type Transaction } from '../../model/event/change.ts'
import { toCloudEvent } from '../../model/event/forms/cloud-event.ts'
import { isoMicroseconds, stringifyEvent, stringifyValue, toChangeEvent } from '../../model/event/forms/event-json.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { CompileRowDecoder, RowDecoder } from '../../match/program/program.ts'
import type { LineOutput } from '../output/line-output.ts'

export interface EventPrinterOptions {
  readonly format: 'json' | 'cloudevents'
  /** Print TRUNCATE and DDL too. */
  readonly ddl: boolean
  /** Events to print before `onLimit`. */
  readonly limit: number
  readonly wants: (schema: string, table: string) => boolean
  readonly compileRowDecoder: CompileRowDecoder
  readonly output: LineOutput
  readonly onLimit: () => void
}

/** Lines of a transaction are kept back until its commit was read, up to this size; a larger one is printed as it comes. */
const BUFFER_CHARS = 8 * 1024 * 1024

/** Turns every committed row change into a line. Whole rows; one decoder per table, operation and set of columns. */
export class EventPrinter implements TransactionHandler {
  /** Grows with whatever comes in: for telling an idle stream. */
  activity = 0
  inTransaction = false
  private readonly options: EventPrinterOptions
  private readonly decoders = new WeakMap<
    TableDef,
    { old: PresentColumns; new: PresentColumns; key: string; decode: RowDecoder }[]
  >()
  private transaction: Transaction | null = null
  private lines: { readonly seq: number; readonly line: string }[] = []
  private chars = 0
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
    this.lines = []
    this.chars = 0
    this.streaming = false
  }

  rows(block: RowsBlock): void | Promise<void> {
    this.activity += 1
    const { table, op } = block
    const transaction = this.transaction!
    let seq = block.firstSeq
    this.decoderFor(block)(block.buffer, block.start, block.end, (old, new_) => {
      this.keep(seq, this.render(new Change(table, op, transaction, seq, old, new_, transaction.query)))
      seq += 1
    })
    if (this.chars > BUFFER_CHARS) this.streaming = true
    if (this.streaming) {
      this.streamed = { id: transaction.id, seq: seq - 1 }
      this.print()
    }
    return this.pending
  }

  ddl(statement: DdlStatement): void {
    this.activity += 1
    if (!this.options.ddl || this.transaction === null) return
    const tables = statement.tables.length > 0 ? statement.tables : [{ schema: statement.schema, table: '' }]
    tables.forEach(({ schema, table }, seq) => {
      if (table === '' || this.options.wants(schema, table)) {
        this.keep(seq, this.wrap(ddlEvent(statement, schema, table, seq, this.transaction!)))
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
    this.lines = []
  }

  rollbackTo(seq: number): void {
    this.lines = this.lines.filter((line) => line.seq < seq)
  }

  advance(): void {
    // Positions do not matter here.
  }

  private keep(seq: number, line: string): void {
    if (this.transaction?.id === this.streamed.id && seq <= this.streamed.seq) return
    this.lines.push({ seq, line })
    this.chars += line.length
  }

  private print(): void {
    const { limit, output, onLimit } = this.options
    if (this.lines.length === 0 || this.printed >= limit) return
    const lines = this.lines.slice(0, limit - this.printed).map(({ line }) => line)
    this.lines = []
    this.chars = 0
    this.printed += lines.length
    const written = output.write(lines)
    if (written instanceof Promise) this.pending = written.then(() => (this.pending = undefined))
    if (this.printed >= limit) onLimit()
  }

  private render(change: Change): string {
    return this.options.format === 'json' ? stringifyEvent(change) : this.wrap(toChangeEvent(change))
  }

  private wrap(event: ChangeEvent): string {
    return stringifyValue(this.options.format === 'json' ? event : toCloudEvent(event))
  }

  private decoderFor({ table, op, presentOld, presentNew, partialJson }: RowsBlock): RowDecoder {
    const key = `${op} ${partialJson}`
    let known = this.decoders.get(table)
    if (known === undefined) this.decoders.set(table, (known = []))
    let found = known.find((each) => each.old === presentOld && each.new === presentNew && each.key === key)
    if (found === undefined) {
      const shape = { op, presentOld, presentNew, partialJson }
      const decode = this.options.compileRowDecoder(table, shape, { old: 'all', new: 'all' })
      found = { old: presentOld, new: presentNew, key, decode }
      known.push(found)
    }
    return found.decode
  }
}

function ddlEvent(
  { kind, sql }: DdlStatement,
  schema: string,
  table: string,
  seq: number,
  transaction: Transaction,
): ChangeEvent {
  return {
    id: `${transaction.id}/${seq}`,
    op: kind,
    schema,
    table,
    key: null,
    old: null,
    new: null,
    changed: [],
    ts: isoMicroseconds(transaction.timestampUs),
    gtid: transaction.gtid,
    position: { file: transaction.file, offset: transaction.offset },
    serverId: transaction.serverId,
    txId: transaction.id,
    seq,
    query: sql,
  }
}
