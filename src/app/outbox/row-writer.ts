import type { EndedRow, EndedRows } from '../../flow/reading/outbox-rows.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Value } from '../../model/event/row.ts'
import type { Log } from '../../model/rule/action.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { ControlConnection } from '../../sources/mysql/server/login/control-connection.ts'
import { quotedName, quotedTable } from '../../sources/mysql/server/table-names.ts'
import { columnOf } from './column-kinds.ts'

/** Rows of one statement. Short ones hold no locks that writers wait for. */
const MOST_ROWS = 500
const MOST_ERROR_LENGTH = 2_000
/** It rests as long as it has worked, so that it never takes more than half of what a connection can. */
const MOST_REST_MS = 200

export interface RowWriterDeps {
  readonly connection: Pick<ControlConnection, 'query'>
  readonly log: Log
  readonly clock: Clock
}

/**
 * Marks and deletes rows of outboxes, in batches by their primary keys. What the server refuses for good (a missing
 * privilege or column) is told and left as it is: it must not keep the checkpoint from moving.
 */
export class RowWriter implements EndedRows {
  private readonly deps: RowWriterDeps
  private readonly told = new Set<string>()

  constructor(deps: RowWriterDeps) {
    this.deps = deps
  }

  async write(rows: readonly EndedRow[]): Promise<void> {
    for (const [table, ofTable] of Map.groupBy(rows, (row) => row.table)) {
      const delivered = ofTable.filter(({ failure }) => failure === null)
      for (const batch of batches(delivered)) {
        if (batch[0]!.after === 'delete') await this.run(batch, deletion(table, batch), 'deletedTotal')
        else await this.run(batch, processed(table, batch), 'markedTotal')
      }
      const failed = ofTable.filter(({ failure, after }) => failure !== null && after === 'mark')
      for (const alike of Map.groupBy(failed, failureText).values()) {
        for (const batch of batches(alike)) await this.fail(table, batch)
      }
    }
  }

  /** Rows that failed for one reason. */
  private async fail(table: TableDef, rows: readonly EndedRow[]): Promise<void> {
    const { error, retries } = rows[0]!.failure!
    const values: readonly [string, unknown][] = [
      ['last_error', error.slice(0, MOST_ERROR_LENGTH)],
      ['retry_count', retries],
    ]
    const set = values.filter(([name]) => hasColumn(table, name))
    if (set.length === 0) return
    const { sql, values: keys } = where(table, rows)
    const statement = `UPDATE ${quotedTable(table)} SET ${set.map(([name]) => `${quotedName(name)} = ?`).join(', ')} ${sql}`
    await this.run(rows, { sql: statement, values: [...set.map(([, value]) => value), ...keys] }, 'markedTotal')
  }

  private async run(
    rows: readonly EndedRow[],
    { sql, values }: Statement,
    counted: 'markedTotal' | 'deletedTotal',
  ): Promise<void> {
    const { connection, clock } = this.deps
    const since = clock.monotonicMs()
    try {
      await connection.query(sql, values)
    } catch (error) {
      if (!(error instanceof BingoError) || error.retryable) throw error
      for (const { counters } of rows) counters.failedTotal += 1
      this.refused(rows[0]!.table, error)
      return
    }
    for (const { counters } of rows) counters[counted] += 1
    if (rows.length > 1) await clock.sleep(Math.min(clock.monotonicMs() - since, MOST_REST_MS))
  }

  private refused({ schema, name }: TableDef, error: BingoError): void {
    const kind = `${schema}.${name} ${error.code}`
    if (this.told.has(kind)) return
    this.told.add(kind)
    this.deps.log.error(
      { code: 'BINGO_OUTBOX_WRITE', schema, table: name, err: error.message },
      'rows of an outbox cannot be marked or deleted; their events are delivered all the same',
    )
  }
}

export interface Statement {
  readonly sql: string
  readonly values: readonly unknown[]
}

function failureText({ failure }: EndedRow): string {
  return `${failure!.retries} ${failure!.error}`
}

function batches(rows: readonly EndedRow[]): readonly (readonly EndedRow[])[] {
  const count = Math.ceil(rows.length / MOST_ROWS)
  return Array.from({ length: count }, (_, i) => rows.slice(i * MOST_ROWS, (i + 1) * MOST_ROWS))
}

export function deletion(table: TableDef, rows: readonly EndedRow[]): Statement {
  const { sql, values } = where(table, rows)
  return { sql: `DELETE FROM ${quotedTable(table)} ${sql}`, values }
}

/** A row that was read again after a crash keeps the time of its first mark. */
export function processed(table: TableDef, rows: readonly EndedRow[]): Statement {
  const { sql, values } = where(table, rows)
  const error = hasColumn(table, 'last_error') ? ', `last_error` = NULL' : ''
  return {
    sql: `UPDATE ${quotedTable(table)} SET \`processed_at\` = CURRENT_TIMESTAMP(3)${error} ${sql} AND \`processed_at\` IS NULL`,
    values,
  }
}

function where(table: TableDef, rows: readonly EndedRow[]): Statement {
  const columns = table.key.map((index) => table.columns[index]!)
  const names = columns.map(({ name }) => quotedName(name)).join(', ')
  const one = columns.length === 1
  const marks = one ? '?' : `(${columns.map(() => '?').join(', ')})`
  const kinds = columns.map((column) => columnOf(column))
  const values = rows.flatMap(({ key }) => kinds.map(({ name, kind }) => sqlValue(key[name], kind === 'binary')))
  return { sql: `WHERE ${one ? names : `(${names})`} IN (${rows.map(() => marks).join(', ')})`, values }
}

function sqlValue(value: Value, isBinary: boolean): unknown {
  return isBinary && typeof value === 'string' ? Buffer.from(value, 'base64') : value
}

function hasColumn({ columns }: TableDef, wanted: string): boolean {
  return columns.some(({ name }) => name.toLowerCase() === wanted)
}
