import type { Kysely } from 'kysely'
import { CompiledQuery, sql } from '../../clients/kysely.ts'
import type { Dialect, Queries } from './dialect.ts'
import { newerTables } from './errors.ts'
import type { EventTables } from './tables.ts'

/** For who migrates at the same time. */
const MYSQL_LOCK = 'bingo_event_migrations'
const POSTGRES_LOCK = 7_240_183_551
const LOCK_SECONDS = 60

type Migration = (queries: Queries, dialect: Dialect) => Promise<void>

/** Each leads from one version to the next. What was released is never changed; repeated, a step changes nothing. */
const MIGRATIONS: readonly Migration[] = [createTables]

/** Brings the tables to this program's version, one process at a time. Throws BINGO_LOG_NEWER. */
export async function migrate(queries: Kysely<EventTables>, dialect: Dialect, log: string): Promise<void> {
  // Looking first needs no right to create tables.
  if ((await versionOf(queries, dialect, log)) === MIGRATIONS.length) return
  await queries.connection().execute(async (connection) => {
    await lock(connection, dialect)
    try {
      await connection.schema
        .createTable('bingo_event_migrations')
        .ifNotExists()
        .addColumn('version', 'integer', (column) => column.primaryKey())
        .addColumn('applied_at', 'bigint', (column) => column.notNull())
        .execute()
      for (let version = await versionOf(connection, dialect, log); version < MIGRATIONS.length; version++) {
        await connection.transaction().execute(async (transaction) => {
          await MIGRATIONS[version]!(transaction, dialect)
          const row = { version: version + 1, applied_at: dialect.now }
          await transaction.insertInto('bingo_event_migrations').values(row).execute()
        })
      }
    } finally {
      await unlock(connection, dialect)
    }
  })
}

/** 0: there are no tables. */
async function versionOf(queries: Queries, dialect: Dialect, log: string): Promise<number> {
  const schema = dialect.name === 'mysql' ? sql`database()` : sql`current_schema()`
  const { rows } = await sql<{ found: number }>`SELECT count(*) AS found FROM information_schema.tables
    WHERE table_name = 'bingo_event_migrations' AND table_schema = ${schema}`.execute(queries)
  if (rows[0]!.found === 0) return 0
  const row = await queries
    .selectFrom('bingo_event_migrations')
    .select(({ fn }) => fn.max('version').as('version'))
    .executeTakeFirst()
  const found = row?.version ?? 0
  if (found > MIGRATIONS.length) throw newerTables(log, found, MIGRATIONS.length)
  return found
}

async function lock(queries: Queries, dialect: Dialect): Promise<void> {
  if (dialect.name === 'postgres') {
    await sql`SELECT pg_advisory_lock(${POSTGRES_LOCK}::bigint)`.execute(queries)
    return
  }
  const { rows } = await sql<{ got: number | null }>`SELECT get_lock(${MYSQL_LOCK}, ${LOCK_SECONDS}) AS got`.execute(
    queries,
  )
  if (Number(rows[0]?.got) !== 1) throw new Error(`another process holds the lock "${MYSQL_LOCK}" of the server`)
}

async function unlock(queries: Queries, dialect: Dialect): Promise<void> {
  if (dialect.name === 'postgres') await sql`SELECT pg_advisory_unlock(${POSTGRES_LOCK}::bigint)`.execute(queries)
  else await sql`SELECT release_lock(${MYSQL_LOCK})`.execute(queries)
}

async function createTables(queries: Queries, dialect: Dialect): Promise<void> {
  for (const statement of tables(dialect)) await queries.executeQuery(CompiledQuery.raw(statement))
}

/** MySQL's texts have a collation, in which different ids may be equal: bytes have none. */
function tables({ name }: Dialect): readonly string[] {
  const isMysql = name === 'mysql'
  const text = isMysql ? 'VARBINARY(800)' : 'TEXT COLLATE "C"'
  const long = isMysql ? 'LONGBLOB' : 'TEXT COLLATE "C"'
  const end = isMysql ? ' ENGINE = InnoDB ROW_FORMAT = DYNAMIC' : ''
  const table = (named: keyof EventTables, columns: string): string =>
    `CREATE TABLE IF NOT EXISTS ${named} (${columns})${end}`
  const byStatus = 'bingo_event_progress_status'
  return [
    table(
      'bingo_event_head',
      `id INT PRIMARY KEY, seq BIGINT NOT NULL, place BIGINT NOT NULL, trimmed BIGINT NOT NULL, events BIGINT NOT NULL,
      bytes BIGINT NOT NULL`,
    ),
    `INSERT INTO bingo_event_head SELECT 1, 0, 0, 0, 0, 0 FROM (SELECT 1 AS one) AS once WHERE NOT EXISTS (SELECT * FROM bingo_event_head)`,
    table(
      'bingo_events',
      `seq BIGINT PRIMARY KEY, name ${text} NOT NULL UNIQUE, place BIGINT NOT NULL, created_at BIGINT NOT NULL,
      happened_at BIGINT NOT NULL, bytes BIGINT NOT NULL, environment ${text} NOT NULL, type ${text} NOT NULL,
      source ${text} NOT NULL, event_key ${text}, user_id ${text}, account_id ${text}, is_test INT NOT NULL,
      envelope ${long} NOT NULL`,
    ),
    table('bingo_event_log', 'place BIGINT PRIMARY KEY, event BIGINT NOT NULL, appended_at BIGINT NOT NULL'),
    table('bingo_event_schedule', 'due_at BIGINT NOT NULL, event BIGINT NOT NULL, PRIMARY KEY (due_at, event)'),
    table(
      'bingo_event_progress',
      `event BIGINT PRIMARY KEY, status VARCHAR(16) NOT NULL, data ${long} NOT NULL${isMysql ? `, KEY ${byStatus} (status, event)` : ''}`,
    ),
    ...(isMysql ? [] : [`CREATE INDEX IF NOT EXISTS ${byStatus} ON bingo_event_progress (status, event)`]),
    table(
      'bingo_event_groups',
      `name ${text} PRIMARY KEY, up_to BIGINT NOT NULL, holder ${text}, holder_name ${text}, lease_until BIGINT NOT NULL`,
    ),
    table('bingo_event_ahead', `name ${text}, place BIGINT NOT NULL, PRIMARY KEY (name, place)`),
  ]
}
