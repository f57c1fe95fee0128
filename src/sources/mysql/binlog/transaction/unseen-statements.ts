import type { TransactionHandler } from '../../../../model/source/binlog-stream.ts'
import type { Stats } from '../../../../model/stats.ts'
import type { Flavour, TableDef } from '../../../../model/table/table.ts'
import type { UnseenRows } from '../../sql/meaning.ts'
import type { TableName } from '../../sql/names.ts'
import { statementFormat } from '../format/stream-errors.ts'

export interface UnseenStatementsDeps {
  readonly handler: Pick<TransactionHandler, 'wants'>
  readonly flavour: Flavour
  readonly stats: Stats | null
  readonly warn: (code: string, message: string) => void
  /** Tables whose changes may go unseen (`source.ignoreStatementsOn`). */
  readonly ignores: (schema: string, table: string) => boolean
}

/** Tables that a skipped statement was logged for; beyond so many only the counter tells. */
const MOST_NOTED = 1_000

/** Statements that are in the binlog instead of the rows that they changed (STATEMENT and MIXED format). */
export class UnseenStatements {
  readonly #deps: UnseenStatementsDeps
  readonly #noted = new Set<string>()

  constructor(deps: UnseenStatementsDeps) {
    this.#deps = deps
  }

  /**
   * Skips the statement, on record, where nobody listens to what it changed; else BINGO_STATEMENT_FORMAT (invariant 8).
   * What its tables' triggers and views change is not in its text, so that cannot be told.
   */
  skip({ verb, tables, selfContained }: UnseenRows, transaction: string): void {
    const { stats, warn } = this.#deps
    if (tables === null || !tables.every((table) => this.#maySkip(table, selfContained)))
      throw statementFormat(verb, transaction, tables)
    if (stats !== null) stats.skippedStatementsTotal += 1
    const names = tables.map(({ schema, table }) => `${schema}.${table}`).join(', ')
    if (this.#noted.has(names) || this.#noted.size >= MOST_NOTED) return
    this.#noted.add(names)
    warn('BINGO_STATEMENT_SKIPPED', `ignoring ${verb} on ${names}, logged as a statement: no rule reads that table`)
  }

  #maySkip({ schema, table }: TableName, selfContained: boolean): boolean {
    const { handler, flavour, ignores } = this.#deps
    if (ignores(schema, table)) return true
    const named: TableDef = { schema, name: table, columns: [], key: [], flavour }
    return selfContained && !handler.wants(named)
  }
}
