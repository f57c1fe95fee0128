import type { SQL } from 'drizzle-orm'
import type { SqlDialect, SqlResult, SqlRow, SqlSession, SqlValue } from './session.ts'

/** What is used of a transaction of Drizzle; those of SQLite have `all` and `run`. */
export interface DrizzleTransaction {
  execute?(query: SQL): Promise<unknown>
  all?(query: SQL): Promise<unknown>
  run?(query: SQL): Promise<unknown>
}

/** A transaction of Drizzle. The application's own copy of Drizzle is loaded to write the statements. */
export class DrizzleSession implements SqlSession {
  readonly dialect: SqlDialect
  readonly #transaction: DrizzleTransaction

  constructor(transaction: DrizzleTransaction, dialect: SqlDialect) {
    this.#transaction = transaction
    this.dialect = dialect
  }

  async run(text: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
    const { sql } = await import('drizzle-orm')
    const parts = text
      .split('?')
      .flatMap((part, i) => (i < values.length ? [sql.raw(part), sql`${values[i]}`] : [sql.raw(part)]))
    const query = sql.join(parts)
    const transaction = this.#transaction
    if (transaction.execute !== undefined) return resultOf(await transaction.execute(query))
    if (/^\s*SELECT\b/i.test(text)) return { rows: (await transaction.all!(query)) as SqlRow[], changes: 0 }
    return { rows: [], changes: changesOf((await transaction.run!(query)) as SqliteAnswer) }
  }
}

interface SqliteAnswer {
  readonly changes?: number | bigint
  /** That of libsql. */
  readonly rowsAffected?: number
}

/** A client that does not say would make a new message of an inbox a duplicate. */
function changesOf({ changes, rowsAffected }: SqliteAnswer): number {
  const count = changes ?? rowsAffected
  if (count === undefined) throw new Error('the SQLite client of Drizzle does not say how many rows it changed')
  return Number(count)
}

/** That of pg, or of mysql2 with the descriptions of its columns behind. */
function resultOf(answer: unknown): SqlResult {
  if (Array.isArray(answer)) {
    const first: unknown = answer[0]
    if (Array.isArray(first)) return { rows: first as SqlRow[], changes: 0 }
    return { rows: [], changes: (first as { affectedRows: number }).affectedRows }
  }
  const { rows, rowCount } = answer as { rows: SqlRow[]; rowCount: number | null }
  return { rows, changes: rowCount ?? 0 }
}
