import type {
  DdlStatement,
  RowsBlock,
  SchemaResolver,
  TransactionHandler,
  WireTable,
} from '../../../../../src/model/source/binlog-stream.ts'
import type { Transaction } from '../../../../../src/model/event/change.ts'
import { BingoError } from '../../../../../src/model/errors.ts'
import type { SourcePosition } from '../../../../../src/model/source/position.ts'
import type { TableDef } from '../../../../../src/model/table/table.ts'
import { sizeOf } from '../../../../../src/sources/mysql/binlog/format/header.ts'
import { BinlogReader } from '../../../../../src/sources/mysql/binlog/reader.ts'
import type { BinlogReaderOptions } from '../../../../../src/sources/mysql/binlog/reader-options.ts'

/** Notes what a reader tells, one line each, and the objects behind the lines. */
export class Recorder implements TransactionHandler {
  readonly lines: string[] = []
  readonly ends: SourcePosition[] = []
  readonly transactions: Transaction[] = []
  readonly tables: TableDef[] = []
  readonly asked: TableDef[] = []
  /** Row images, copied. */
  readonly images: Buffer[] = []
  unwanted: ReadonlySet<string> = new Set()

  begin(transaction: Transaction): void {
    this.transactions.push(transaction)
    this.lines.push('begin')
  }

  rows(block: RowsBlock): void {
    this.tables.push(block.table)
    this.images.push(Buffer.from(block.buffer.subarray(block.start, block.end)))
    const partial = block.partialJson ? ' partial' : ''
    this.lines.push(`${block.op}${partial} ${block.table.schema}.${block.table.name} @${block.firstSeq}`)
  }

  ddl({ kind, tables }: DdlStatement): void {
    this.lines.push(`${kind} ${tables.map(({ schema, table }) => `${schema}.${table}`).join(' ')}`)
  }

  commit(end: SourcePosition): void {
    this.ends.push(end)
    this.lines.push('commit')
  }

  rollback(end: SourcePosition): void {
    this.ends.push(end)
    this.lines.push('rollback')
  }

  rollbackTo(seq: number): void {
    this.lines.push(`rollback to @${seq}`)
  }

  advance(end: SourcePosition): void {
    this.ends.push(end)
    this.lines.push('advance')
  }

  wants(table: TableDef): boolean {
    this.asked.push(table)
    return !this.unwanted.has(table.name)
  }

  get last(): SourcePosition {
    return this.ends.at(-1)!
  }
}

/** For binlogs with full metadata. */
export const noSchemas: SchemaResolver = {
  resolve(wire: WireTable): TableDef {
    throw new BingoError('BINGO_SCHEMA_UNKNOWN', `nobody knows ${wire.schema}.${wire.name}`)
  },
  invalidate: () => undefined,
}

export function readerFor(recorder: TransactionHandler, options: Partial<BinlogReaderOptions> = {}): BinlogReader {
  return new BinlogReader({
    flavour: 'mysql',
    handler: recorder,
    schemas: noSchemas,
    startGtidSet: null,
    startFile: 'binlog.000001',
    ...options,
  })
}

/** Events of a binlog file's bytes, without its magic. */
export function splitEvents(file: Buffer): Buffer[] {
  const events: Buffer[] = []
  for (let at = 4; at < file.length; at += events.at(-1)!.length) events.push(file.subarray(at, at + sizeOf(file, at)))
  return events
}

export async function feedAll(reader: BinlogReader, events: Iterable<Buffer>): Promise<void> {
  for (const event of events) await reader.feed(event, 0, event.length)
}
