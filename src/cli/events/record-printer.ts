import type { Change, Transaction } from '../../model/event/change.ts'
import type { Gap } from '../../model/event/gap.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import type { DdlStatement } from '../../model/source/binlog-stream.ts'
import type { RowIntake } from '../../model/source/intake.ts'
import type { BrokerPosition } from '../../sources/broker/ledger.ts'
import type { LineOutput } from '../output/line-output.ts'
import { lineOf, statementLine, type LineFormat } from './event-line.ts'

export interface RecordPrinterOptions {
  readonly format: LineFormat
  /** Print TRUNCATE and DDL too. */
  readonly ddl: boolean
  /** Events to print before `onLimit`. */
  readonly limit: number
  /** Of rows and statements. */
  readonly wants: (schema: string, table: string) => boolean
  /** Events that are not about a row. */
  readonly wantsPosted: boolean
  readonly output: LineOutput
  readonly onLimit: () => void
  /** Everything up to here is printed. Pending: the reader of stdout is slow. */
  readonly onPrinted: (end: BrokerPosition, pending: Promise<void> | undefined) => void
  readonly onGap: (gap: Gap) => void
}

/** Turns what the records of a broker say into lines. Each record is committed where it is read. */
export class RecordPrinter implements RowIntake<BrokerPosition> {
  /** Grows with whatever comes in: for telling an idle stream. */
  activity = 0
  readonly #options: RecordPrinterOptions
  #transaction: Transaction | null = null
  #lines: string[] = []
  #printed = 0

  constructor(options: RecordPrinterOptions) {
    this.#options = options
  }

  started(): void {}

  wants(): boolean {
    return true
  }

  begin(transaction: Transaction): void {
    this.activity += 1
    this.#transaction = transaction
  }

  event(change: Change): void {
    const { format, wants, wantsPosted } = this.#options
    const { table } = change
    if (isPosted(table) ? wantsPosted : wants(table.schema, table.name)) this.#add(lineOf(change, format))
  }

  rows(): void {}

  ddl(statement: DdlStatement, seq = 0): void {
    const { ddl, wants, format } = this.#options
    if (!ddl) return
    const tables = statement.tables.length > 0 ? statement.tables : [{ schema: statement.schema, table: '' }]
    for (const [i, table] of tables.entries()) {
      if (table.table === '' || wants(table.schema, table.table)) {
        this.#add(statementLine(statement, table, seq + i, this.#transaction!, format))
      }
    }
  }

  commit(end: BrokerPosition): void {
    const { output, onPrinted, onLimit, limit } = this.#options
    const lines = this.#lines
    this.#lines = []
    onPrinted(end, lines.length === 0 ? undefined : (output.write(lines) ?? undefined))
    if (this.#printed >= limit) onLimit()
  }

  rollback(): void {
    this.#lines = []
  }

  rollbackTo(): void {}

  advance(end: BrokerPosition): void {
    this.#options.onPrinted(end, undefined)
  }

  gap(gap: Gap): Promise<void> {
    this.#options.onGap(gap)
    return Promise.resolve()
  }

  #add(line: string): void {
    if (this.#printed >= this.#options.limit) return
    this.#printed += 1
    this.#lines.push(line)
  }
}
