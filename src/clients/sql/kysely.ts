import type { CompiledQuery, Kysely, QueryId } from 'kysely'
import { numbered } from './session.ts'
import type { SqlDatabase, SqlDialect, SqlResult, SqlRow, SqlSession, SqlValue } from './session.ts'

type Queries = Pick<Kysely<unknown>, 'executeQuery'>

/** A transaction of Kysely, whichever copy of it the application has: nothing of Kysely is loaded here. */
export class KyselySession implements SqlSession {
  readonly dialect: SqlDialect
  readonly #queries: Queries

  constructor(queries: Queries, dialect: SqlDialect) {
    this.#queries = queries
    this.dialect = dialect
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<SqlResult> {
    const text = this.dialect === 'postgres' ? numbered(sql) : sql
    const queryId: QueryId = { queryId: 'bingo' }
    const query = { kind: 'RawNode', sqlFragments: [text], parameters: [] } as const
    const compiled: CompiledQuery<SqlRow> = { sql: text, parameters: values, query, queryId }
    const { rows, numAffectedRows } = await this.#queries.executeQuery(compiled)
    return { rows, changes: Number(numAffectedRows ?? 0) }
  }
}

/** A Kysely that is no transaction. */
export class KyselyDatabase<T> extends KyselySession implements SqlDatabase {
  readonly #database: Kysely<T>

  constructor(database: Kysely<T>, dialect: SqlDialect) {
    super(database, dialect)
    this.#database = database
  }

  transaction<R>(work: (session: SqlSession) => Promise<R>): Promise<R> {
    return this.#database.transaction().execute((open) => work(new KyselySession(open, this.dialect)))
  }
}
