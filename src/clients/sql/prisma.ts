import { numbered } from './session.ts'
import type { SqlDialect, SqlResult, SqlRow, SqlSession, SqlValue } from './session.ts'

/** What is used of the client that Prisma gives to an interactive transaction. */
export interface PrismaTransaction {
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>
  $queryRawUnsafe(sql: string, ...values: unknown[]): Promise<unknown>
}

/** A transaction of Prisma. */
export class PrismaSession implements SqlSession {
  readonly dialect: SqlDialect
  readonly #client: PrismaTransaction

  constructor(client: PrismaTransaction, dialect: SqlDialect) {
    this.#client = client
    this.dialect = dialect
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
    const text = this.dialect === 'postgres' ? numbered(sql) : sql
    if (!/^\s*SELECT\b/i.test(sql)) return { rows: [], changes: await this.#client.$executeRawUnsafe(text, ...values) }
    return { rows: (await this.#client.$queryRawUnsafe(text, ...values)) as SqlRow[], changes: 0 }
  }
}
