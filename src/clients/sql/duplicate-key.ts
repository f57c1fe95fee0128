/** MySQL's and MariaDB's number, PostgreSQL's code, SQLite's extended codes (primary key, unique). */
const CODES: ReadonlySet<unknown> = new Set([1062, '23505', 1555, 2067])

/** A row was refused since its key is taken; the error is that of mysql2, pg or node:sqlite. */
export function isDuplicateKey(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { errno, code, errcode } = error as { errno?: unknown; code?: unknown; errcode?: unknown }
  return CODES.has(errno) || CODES.has(code) || CODES.has(errcode)
}
