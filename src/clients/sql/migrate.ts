import type { DatabaseSync } from 'node:sqlite'
import { inSharedTransaction } from '../sqlite/transaction.ts'
import type { SqlDatabase, SqlDialect, SqlRow, SqlSession } from './session.ts'

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
  /** A table of the component's own that told its version (`max(version)`) before `bingo_migrations` did. */
  readonly before?: string | undefined
}

const TABLE: Readonly<Record<SqlDialect, string>> = {
  sqlite: 'component TEXT PRIMARY KEY, version INTEGER NOT NULL',
  mysql: 'component VARCHAR(64) PRIMARY KEY, version INT NOT NULL',
  postgres: 'component TEXT PRIMARY KEY, version INT NOT NULL',
}
const VERSION = 'SELECT version FROM bingo_migrations WHERE component = ?'
/** Looking first needs no right to create tables. */
const HAS_TABLE: Readonly<Record<SqlDialect, string>> = {
  sqlite: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?",
  mysql: 'SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?',
  // to_regclass would answer from a cache that may not know what another transaction has just committed.
  postgres: 'SELECT 1 FROM pg_tables WHERE schemaname = ANY (current_schemas(false)) AND tablename = ?',
}
const OURS = 'bingo_migrations'
/** Any number: who migrates takes turns by it. */
const POSTGRES_LOCK = 4_170_317_221
/** Less than a silence that connections are given up for. */
const LOCK_SECONDS = 20

/** What is known of the tables of a component. */
interface Found {
  /** 0: there are none. */
  readonly version: number
  /** It stands in `bingo_migrations`. */
  readonly isNoted: boolean
}

/**
 * Brings the tables of a component to this program's version; throws NewerTablesError. Several processes may try at once.
 * MySQL commits with each CREATE, so a version that was interrupted there is repeated: its statements have to bear that.
 */
export async function migrate(database: SqlDatabase, migrations: Migrations): Promise<void> {
  if (statementsFor(migrations, database.dialect, await foundIn(database, migrations)).length === 0) return
  await database.transaction(async (session) => {
    await takeTurn(session)
    try {
      const found = await foundIn(session, migrations)
      for (const statement of statementsFor(migrations, session.dialect, found)) await session.run(statement)
    } finally {
      if (session.dialect === 'mysql') await session.run("SELECT RELEASE_LOCK('bingo_migrations')")
    }
  })
}

/** The same for node:sqlite, in one turn: other connections of this process would wait for an open transaction in vain. */
export async function migrateSqlite(database: DatabaseSync, migrations: Migrations): Promise<void> {
  const found = (): Found => {
    if (database.prepare(HAS_TABLE.sqlite).get(OURS) === undefined) return NOTHING
    return notedAs(database.prepare(VERSION).get(migrations.component)) ?? NOTHING
  }
  if (statementsFor(migrations, 'sqlite', found()).length === 0) return
  await inSharedTransaction(database, () => {
    for (const statement of statementsFor(migrations, 'sqlite', found())) database.exec(statement)
  })
}

/** What leads from the version found to the newest. */
function statementsFor({ component, versions }: Migrations, dialect: SqlDialect, found: Found): readonly string[] {
  const known = versions.length
  if (found.version > known) throw new NewerTablesError(component, found.version, known)
  if (found.version === known) return []
  return [
    `CREATE TABLE IF NOT EXISTS ${OURS} (${TABLE[dialect]})`,
    ...versions.slice(found.version).flat(),
    found.isNoted
      ? `UPDATE ${OURS} SET version = ${known} WHERE component = '${component}'`
      : `INSERT INTO ${OURS} VALUES ('${component}', ${known})`,
  ]
}

const NOTHING: Found = { version: 0, isNoted: false }

async function foundIn(session: SqlSession, { component, before }: Migrations): Promise<Found> {
  const has = async (table: string): Promise<boolean> =>
    (await session.run(HAS_TABLE[session.dialect], [table])).rows.length > 0
  const noted = (await has(OURS)) ? notedAs((await session.run(VERSION, [component])).rows[0]) : null
  if (noted !== null) return noted
  if (before === undefined || !(await has(before))) return NOTHING
  const { rows } = await session.run(`SELECT coalesce(max(version), 0) AS version FROM ${before}`)
  return { version: Number(rows[0]!['version']), isNoted: false }
}

function notedAs(row: SqlRow | undefined): Found | null {
  return row === undefined ? null : { version: Number(row['version']), isNoted: true }
}

async function takeTurn(session: SqlSession): Promise<void> {
  if (session.dialect === 'postgres') await session.run('SELECT pg_advisory_xact_lock(?)', [POSTGRES_LOCK])
  if (session.dialect !== 'mysql') return
  const { rows } = await session.run(`SELECT GET_LOCK('bingo_migrations', ${LOCK_SECONDS}) AS got`)
  if (Number(rows[0]!['got']) !== 1) throw new Error('another process holds the lock "bingo_migrations"')
}
