import type { DatabaseSync } from 'node:sqlite'
import { EXPRESSIONS } from '../clients/sql/expressions.ts'
import type { OwnDatabase } from '../clients/sql/handles.ts'
import { migrate, migrateSqlite } from '../clients/sql/migrate.ts'
import type { SqlDialect } from '../clients/sql/session.ts'

/** Rows that are deleted at once. */
const CHUNK = 1_000

const TABLE_OPTIONS: Readonly<Record<SqlDialect, string>> = {
  sqlite: 'STRICT, WITHOUT ROWID',
  mysql: 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin',
  postgres: '',
}

/** Words before and behind an INSERT: it waits for a transaction that has noted the same and not ended, and leaves this one usable. */
export const NOTE: Readonly<Record<SqlDialect, readonly [before: string, behind: string]>> = {
  sqlite: ['INSERT OR IGNORE', ''],
  mysql: ['INSERT IGNORE', ''],
  postgres: ['INSERT', ' ON CONFLICT DO NOTHING'],
}

/** Behind a SELECT: what another transaction has committed since this one's snapshot was taken, locking reads alone see. */
export function newestOf(dialect: SqlDialect): string {
  return dialect === 'mysql' ? ' LOCK IN SHARE MODE' : ''
}

export function isTableName(table: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,40}$/.test(table)
}

export interface NotesTableOptions {
  readonly database: OwnDatabase
  /** As the application gave it: a connection of node:sqlite is migrated by itself. */
  readonly handle: unknown
  readonly table: string
  /** Whose table it is, for its migrations: `inbox`. */
  readonly component: string
  /** One of them is `received_at`; MySQL's has an index on it. */
  readonly columns: Readonly<Record<SqlDialect, string>>
  /** Columns of the primary key. */
  readonly key: string
}

/** A table of what was received, in the application's database: made by `setup`, and cleaned by age. */
export class NotesTable {
  readonly description: string
  readonly #options: NotesTableOptions

  constructor(options: NotesTableOptions) {
    this.#options = options
    this.description = `${options.database.dialect} table ${options.table}`
  }

  async setup(): Promise<void> {
    const { database, handle, table, component, columns } = this.#options
    const { dialect } = database
    const create = `CREATE TABLE IF NOT EXISTS ${table} (${columns[dialect]}) ${TABLE_OPTIONS[dialect]}`
    const index = `CREATE INDEX IF NOT EXISTS ${table}_received ON ${table} (received_at)`
    const versions = [dialect === 'mysql' ? [create] : [create, index]]
    const tables = { component: `${component}:${table}`, versions }
    if (dialect === 'sqlite') await migrateSqlite(handle as DatabaseSync, tables)
    else await migrate(database, tables)
  }

  /** Answers how many. */
  async deleteReceivedBefore(before: Date): Promise<number> {
    const { database, table, key } = this.#options
    const { dialect } = database
    const old = `received_at < ${EXPRESSIONS[dialect].timeOf}`
    const some =
      dialect === 'mysql'
        ? `${old} LIMIT ${CHUNK}`
        : `(${key}) IN (SELECT ${key} FROM ${table} WHERE ${old} LIMIT ${CHUNK})`
    let deleted = 0
    for (;;) {
      const { changes } = await database.run(`DELETE FROM ${table} WHERE ${some}`, [before.getTime()])
      deleted += changes
      if (changes < CHUNK) return deleted
    }
  }
}
