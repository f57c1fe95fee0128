export type SqlDialect = 'sqlite' | 'mysql' | 'postgres'
export type SqlValue = string | number | bigint | null
export type SqlRow = { readonly [column: string]: unknown }

export interface SqlResult {
  readonly rows: readonly SqlRow[]
  /** Rows that the statement inserted, updated or deleted. */
  readonly changes: number
  /** MySQL: the first number that AUTO_INCREMENT gave. */
  readonly insertId?: bigint | undefined
}

/** A connection, or a transaction that somebody else has begun and will end. Rejects with the client's own errors. */
export interface SqlSession {
  readonly dialect: SqlDialect
  /** One statement; each `?` in it takes one of `values`, and nothing else in it may be a `?`. */
  run(sql: string, values?: readonly SqlValue[]): Promise<SqlResult>
}

/** Where transactions are begun: a pool of connections, or the one connection of a file. */
export interface SqlDatabase extends SqlSession {
  /** Commits when `work` resolves, rolls back when it rejects. `work` uses the session it is given, and nothing else. */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T>
}

/** `?` as PostgreSQL has it: `$1`, `$2`, … */
export function numbered(sql: string): string {
  let number = 0
  return sql.replaceAll('?', () => `$${(number += 1)}`)
}

/** `?, ?, ?` */
export function marks(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ')
}

/** `(?, ?), (?, ?)` */
export function tuples(count: number, width: number): string {
  return tuplesOf(count, `(${marks(width)})`)
}

/** The same tuple, so often. */
export function tuplesOf(count: number, tuple: string): string {
  return Array.from({ length: count }, () => tuple).join(', ')
}
