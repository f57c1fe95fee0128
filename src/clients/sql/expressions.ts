import type { SqlDialect } from './session.ts'

/** What servers write differently. */
export interface Expressions {
  /** Milliseconds since 1970, by the database's clock: the same wherever it stands in a statement. */
  readonly nowMs: string
  /** Now, for a column of times. */
  readonly now: string
  /** A time from milliseconds since 1970 in a `?`. */
  readonly timeOf: string
  /** The `?` of a JSON column: some clients say that it is a text, which PostgreSQL does not take for JSON. */
  readonly json: string
  /** Reads a JSON column as text. */
  readonly jsonText: (column: string) => string
}

export const EXPRESSIONS: Readonly<Record<SqlDialect, Expressions>> = {
  sqlite: {
    nowMs: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    timeOf: "strftime('%Y-%m-%dT%H:%M:%fZ', ? / 1000.0, 'unixepoch')",
    json: '?',
    jsonText: (column) => column,
  },
  mysql: {
    nowMs: 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)',
    now: 'NOW(3)',
    timeOf: 'FROM_UNIXTIME(? / 1000)',
    json: '?',
    jsonText: (column) => `CAST(${column} AS CHAR)`,
  },
  postgres: {
    nowMs: 'CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)',
    now: 'statement_timestamp()',
    timeOf: 'to_timestamp(CAST(? AS DOUBLE PRECISION) / 1000)',
    json: 'CAST(? AS JSON)',
    jsonText: (column) => `CAST(${column} AS TEXT)`,
  },
}
