import type { DatabaseSync } from 'node:sqlite'
import { EXPRESSIONS } from '../../clients/sql/expressions.ts'
import type { OwnDatabase } from '../../clients/sql/handles.ts'
import { isRefusal } from '../../clients/sql/refusal.ts'
import { marks } from '../../clients/sql/session.ts'
import type { SqlDialect, SqlValue } from '../../clients/sql/session.ts'
import { BingoError } from '../../model/errors.ts'
import type { TableDef } from '../../model/table/table.ts'
import { Claims } from './claims.ts'
import type { PolledOptions, PolledRow } from './contract.ts'
import { rowValues } from './row-values.ts'
import { readTable, type TableInfo } from './table-info.ts'

/** Rows of one statement: servers keep prepared statements by their text. */
const MOST_ROWS = 100
const MOST_ERROR_LENGTH = 2_000

/** Bytes of a value that claims are written with as it is: their columns and indexes take no more (twice as many, as hex). */
const MOST_BYTES = 500

/**
 * How a value is written as the text that claims know it by: long ones by their hash. Bytes and collations make no
 * difference.
 */
const TEXT: Readonly<Record<SqlDialect, (column: string) => string>> = {
  sqlite: (column) => `CAST(${column} AS TEXT)`,
  mysql: (column) => {
    const bytes = `CAST(${column} AS BINARY)`
    const text = `IF(LENGTH(${bytes}) > ${MOST_BYTES}, SHA2(${bytes}, 256), HEX(${bytes}))`
    return `CONVERT(${text} USING ascii) COLLATE ascii_bin`
  },
  postgres: (column) => {
    const text = `CAST(${column} AS TEXT)`
    const hash = `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`
    return `CASE WHEN octet_length(${text}) > ${MOST_BYTES} THEN ${hash} ELSE ${text} END`
  },
}

/** The table of an outbox, from which rows are taken that are not published yet. Rejects with BingoErrors only. */
export class PolledTable {
  readonly description: string
  private readonly database: OwnDatabase
  private readonly options: PolledOptions
  private readonly claims: Claims
  private readonly called: string
  private info: TableInfo | null = null

  /** `file`: the connection behind `database`, where that is SQLite. */
  constructor(description: string, database: OwnDatabase, file: DatabaseSync | null, options: PolledOptions) {
    const { schema, table, owner } = options
    this.description = `${description} ${schema}.${table}`
    this.database = database
    this.options = options
    this.called = `${this.quoted(schema)}.${this.quoted(table)}`
    this.claims = new Claims(database, file, `${schema}.${table}`, owner)
  }

  /** Looks at the table as it is now. The first time, what an earlier run had claimed is given back. */
  open(): Promise<TableDef> {
    return this.use(async () => {
      const isFirst = this.info === null
      const info = await readTable(this.database, this.options)
      await this.claims.open()
      await (isFirst ? this.claims.takeBack() : this.claims.renew(this.options.leaseMs))
      this.info = info
      return info.def
    })
  }

  /** Whether it can be polled, without a claim or a table of claims. */
  look(): Promise<TableDef> {
    return this.use(async () => (await readTable(this.database, this.options)).def)
  }

  /**
   * The oldest rows that nobody has published or claimed. Looks for rows that are not done, not for those behind a place:
   * one that commits late is found like any other.
   */
  claim(): Promise<readonly PolledRow[]> {
    const info = this.info!
    const { keyColumn, batch, leaseMs } = this.options
    const text = TEXT[this.database.dialect]
    const entry = text(`o.${this.quoted(info.pk)}`)
    const key = keyColumn !== null && info.has(keyColumn) ? text(`o.${this.quoted(keyColumn)}`) : null
    const [free, values] = this.claims.freeCondition(entry, key)
    const sql = `SELECT o.*, ${entry} AS bingo_entry, ${key ?? 'NULL'} AS bingo_key FROM ${this.called} o
      WHERE ${this.waiting(info)} AND ${free} ORDER BY o.${this.quoted(info.order)} LIMIT ${batch}`
    return this.use(async () => {
      const rows = await this.claims.claim([sql, values], leaseMs)
      return rows.map((row) => ({
        entry: row.bingo_entry,
        pk: row[info.pk],
        values: rowValues(info.columns, row),
      }))
    })
  }

  renew(): Promise<void> {
    return this.use(() => this.claims.renew(this.options.leaseMs))
  }

  /** These are done, whatever became of them: `errors` says of which something went to the dead letters, by their entries. */
  async settle(rows: readonly PolledRow[], errors: ReadonlyMap<string, string>): Promise<void> {
    for (let first = 0; first < rows.length; first += MOST_ROWS) {
      const some = rows.slice(first, first + MOST_ROWS)
      const statements = [this.done(some), ...some.flatMap((row) => this.noted(row, errors.get(row.entry)))]
      await this.use(() =>
        this.claims.settle(
          statements,
          some.map(({ entry }) => entry),
        ),
      )
    }
  }

  private done(rows: readonly PolledRow[]): readonly [string, readonly SqlValue[]] {
    const { after } = this.options
    const pks = rows.map(({ pk }) => pk as SqlValue)
    const these = `${this.quoted(this.info!.pk)} IN (${marks(rows.length)})`
    if (after === 'delete') return [`DELETE FROM ${this.called} WHERE ${these}`, pks]
    return [`UPDATE ${this.called} SET processed_at = ${EXPRESSIONS[this.database.dialect].now} WHERE ${these}`, pks]
  }

  private noted({ pk }: PolledRow, error: string | undefined): readonly (readonly [string, readonly SqlValue[]])[] {
    const info = this.info!
    if (error === undefined || this.options.after === 'delete' || !info.has('last_error')) return []
    const sql = `UPDATE ${this.called} SET last_error = ? WHERE ${this.quoted(info.pk)} = ?`
    return [[sql, [error.slice(0, MOST_ERROR_LENGTH), pk as SqlValue]]]
  }

  /** Columns of `createOutbox`, where the table has them, say what else must not be taken. */
  private waiting(info: TableInfo): string {
    const { nowMs } = EXPRESSIONS[this.database.dialect]
    const conditions = [
      ['processed_at', 'o.processed_at IS NULL'],
      ['failed', 'o.failed = 0'],
      ['claimed_until', `o.claimed_until <= ${nowMs}`],
      ['due_at', `o.due_at <= ${nowMs}`],
    ] as const
    return ['1 = 1', ...conditions.flatMap(([column, condition]) => (info.has(column) ? [condition] : []))].join(
      ' AND ',
    )
  }

  private quoted(name: string): string {
    return this.database.dialect === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`
  }

  private async use<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof BingoError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new BingoError('BINGO_OUTBOX_UNREACHABLE', `The outbox ${this.description} is unavailable: ${reason}`, {
        hint: 'Check that the database is up, that the table is there, and that the account may use it.',
        retryable: !isRefusal(error),
        cause: error,
      })
    }
  }
}
