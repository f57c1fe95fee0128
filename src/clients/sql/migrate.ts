import type { DatabaseSync } from 'node:sqlite'
import { inTransaction } from '../sqlite-transaction.ts'
import type { SqlDatabase, SqlDialect, SqlSession } from './session.ts'

/** Tables made by a later version of this program. */
export class NewerTablesError extends Error {
  readonly found: number
  readonly known: number

  constructor(component: string, found: number, known: number) {
    super(`the tables of ${component} have version ${found}, this program supports up to ${known}`)
    this.name = 'NewerTablesError'
    this.found = found
    this.known = known
  }
}

/** The tables of one component, which may share a database with others and with an application. */
export interface Migrations {
  /** Stands in `bingo_migrations`. */
  readonly component: string
  /** The statements that lead to version 1, then from 1 to 2, and so on. Never changed once they were released. */
  readonly versions: readonly (readonly string[])[]
}

const TABLE: Readonly<Record<SqlDialect, string>> = {
  sqlite: 'component TEXT PRIMARY KEY, version INTEGER NOT NULL',
  mysql: 'component VARCHAR(64) PRIMARY KEY, version INT NOT NULL',
  postgres: 'component TEXT PRIMARY KEY, version INT NOT NULL',
}
const VERSION = 'SELECT version FROM bingo_migrations WHERE component = ?'
/** Looking first needs no right to create tables. */
const HAS_TABLE: Readonly<Record<SqlDialect, string>> = {
  sqlite: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'bingo_migrations'",
  mysql: "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'bingo_migrations'",
  // to_regclass would answer from a cache that may not know what another transaction has just committed.
  postgres:
    "SELECT 1 FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = 'bingo_migrations'",
}
/** Any number: who migrates takes turns by it. */
const POSTGRES_LOCK = 4_170_317_221
const LOCK_SECONDS = 60

/**
 * Brings the tables of a component to this program's version; throws NewerTablesError. Several processes may try at once.
 * MySQL commits with each CREATE, so a version that was interrupted there is repeated: its statements have to bear that.
 */
export async function migrate(database: SqlDatabase, migrations: Migrations): Promise<void> {
  if (statementsFor(migrations, database.dialect, await versionOf(database, migrations.component)).length === 0) return
  await database.transaction(async (session) => {
    await takeTurn(session)
    try {
      const found = await versionOf(session, migrations.component)
      for (const statement of statementsFor(migrations, session.dialect, found)) await session.run(statement)
    } finally {
      if (session.dialect === 'mysql') await session.run("SELECT RELEASE_LOCK('bingo_migrations')")
    }
  })
}

/** The same for node:sqlite, in one turn: other connections of this process would wait for an open transaction in vain. */
export function migrateSqlite(database: DatabaseSync, migrations: Migrations): void {
  const found = (): number | undefined => {
    if (database.prepare(HAS_TABLE.sqlite).get() === undefined) return undefined
    return database.prepare(VERSION).get(migrations.component)?.['version'] as number | undefined
  }
  if (statementsFor(migrations, 'sqlite', found()).length === 0) return
  inTransaction(database, () => {
    for (const statement of statementsFor(migrations, 'sqlite', found())) database.exec(statement)
  })
}

/** What leads from the version found, if any, to the newest. */
function statementsFor({ component, versions }: Migrations, dialect: SqlDialect, found = 0): readonly string[] {
  const known = versions.length
  if (found > known) throw new NewerTablesError(component, found, known)
  if (found === known) return []
  const noted =
    found === 0
      ? `INSERT INTO bingo_migrations VALUES ('${component}', ${known})`
      : `UPDATE bingo_migrations SET version = ${known} WHERE component = '${component}'`
  return [`CREATE TABLE IF NOT EXISTS bingo_migrations (${TABLE[dialect]})`, ...versions.slice(found).flat(), noted]
}

/** Undefined: no table, or nothing in it. */
async function versionOf(session: SqlSession, component: string): Promise<number | undefined> {
  if ((await session.run(HAS_TABLE[session.dialect])).rows.length === 0) return undefined
  const { rows } = await session.run(VERSION, [component])
  return rows[0] === undefined ? undefined : Number(rows[0]['version'])
}

async function takeTurn(session: SqlSession): Promise<void> {
  if (session.dialect === 'postgres') await session.run('SELECT pg_advisory_xact_lock(?)', [POSTGRES_LOCK])
  if (session.dialect !== 'mysql') return
  const { rows } = await session.run(`SELECT GET_LOCK('bingo_migrations', ${LOCK_SECONDS}) AS got`)
  if (Number(rows[0]!['got']) !== 1) throw new Error('another process holds the lock "bingo_migrations"')
}
