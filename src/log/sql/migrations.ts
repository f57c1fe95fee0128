import type { Kysely } from 'kysely'
import { KyselyDatabase } from '../../clients/sql/kysely.ts'
import { migrate, NewerTablesError } from '../../clients/sql/migrate.ts'
import type { Dialect } from './dialect.ts'
import { newerTables } from './errors.ts'
import type { EventTables } from './tables.ts'

/** Where the version of the tables stood before all components shared one table for that. */
const BEFORE = 'bingo_event_migrations'

/** Brings the tables to this program's version, one process at a time. Throws BINGO_LOG_NEWER. */
export async function migrateEvents(queries: Kysely<EventTables>, dialect: Dialect, log: string): Promise<void> {
  const migrations = {
    component: 'posted_events',
    versions: [tables(dialect), [...identity(dialect), ...sharing(dialect)]],
    before: BEFORE,
  }
  try {
    await migrate(new KyselyDatabase(queries, dialect.name), migrations)
  } catch (error) {
    throw error instanceof NewerTablesError ? newerTables(log, error.found, error.known) : error
  }
}

/** Tells an engine beside these tables that they are the ones it was filled from. */
function identity({ name }: Dialect): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS bingo_event_identity (id INT PRIMARY KEY, identity VARCHAR(36) NOT NULL)${endOf(name)}`,
  ]
}

/** Several instances read one group: before, it belonged to one. */
function sharing({ name }: Dialect): readonly string[] {
  const text = textOf(name)
  const holder = `holder_name ${text}, lease_until BIGINT NOT NULL`
  const partitions = `name ${text}, part BIGINT NOT NULL, holder ${text}, ${holder}, PRIMARY KEY (name, part)`
  const members = `name ${text}, holder ${text}, ${holder}, PRIMARY KEY (name, holder)`
  return [
    `CREATE TABLE IF NOT EXISTS bingo_event_partitions (${partitions})${endOf(name)}`,
    `CREATE TABLE IF NOT EXISTS bingo_event_members (${members})${endOf(name)}`,
  ]
}

/** MySQL's texts have a collation, in which different ids may be equal: bytes have none. */
function textOf(name: Dialect['name']): string {
  return name === 'mysql' ? 'VARBINARY(800)' : 'TEXT COLLATE "C"'
}

function endOf(name: Dialect['name']): string {
  return name === 'mysql' ? ' ENGINE = InnoDB ROW_FORMAT = DYNAMIC' : ''
}

function tables({ name }: Dialect): readonly string[] {
  const isMysql = name === 'mysql'
  const text = textOf(name)
  const long = isMysql ? 'LONGBLOB' : 'TEXT COLLATE "C"'
  const table = (named: keyof EventTables, columns: string): string =>
    `CREATE TABLE IF NOT EXISTS ${named} (${columns})${endOf(name)}`
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
