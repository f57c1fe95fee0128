import type { SqlAddress } from '../../clients/sql/address.ts'
import { postgresPoolAt } from '../../clients/sql/postgres-pool.ts'
import type { Migrations } from '../../clients/sql/migrate.ts'
import { PostgresDatabase } from '../../clients/sql/postgres.ts'
import { marks, numbered, tuplesOf } from '../../clients/sql/session.ts'
import type { SqlSession } from '../../clients/sql/session.ts'
import type { Batch, Flavour, OpenedFlavour, TimeForm } from './flavour.ts'
import { EVENT_COLUMNS, valuesOf } from './flavour.ts'

/** Codes of PostgreSQL (appendix A of its manual). */
const TRANSIENT: ReadonlySet<unknown> = new Set(['40001', '40P01'])
/** A position is a transaction id, and behind it the number of the event in its transaction. */
const EVENTS_BITS = 20
/**
 * Transaction ids start from the beginning in another server that a dump is restored into: `added` keeps positions growing.
 */
const ADDED = '(SELECT added FROM event_store_transactions)'

/**
 * The position of an event holds the id of its transaction, so that readers can tell what is still to come: everything
 * below the oldest running transaction has ended, one way or the other. A sequence could not tell, since numbers are taken
 * in another order than transactions commit.
 */
const MIGRATIONS: Migrations = {
  component: 'event_store',
  versions: [
    [
      `CREATE TABLE domain_events (
  global_position BIGINT PRIMARY KEY,
  event_id TEXT COLLATE "C" NOT NULL UNIQUE,
  event_type TEXT COLLATE "C" NOT NULL,
  source_service TEXT,
  aggregate_id TEXT COLLATE "C" NOT NULL,
  version INT NOT NULL,
  timestamp TIMESTAMPTZ(3) NOT NULL,
  correlation_id TEXT,
  causation_id TEXT,
  user_id TEXT,
  payload JSON NOT NULL,
  UNIQUE (aggregate_id, version)
)`,
      `CREATE TABLE aggregate_snapshots (
  aggregate_id TEXT COLLATE "C" NOT NULL,
  schema_version INT NOT NULL,
  version INT NOT NULL,
  state JSON NOT NULL,
  created_at TIMESTAMPTZ(3) NOT NULL,
  PRIMARY KEY (aggregate_id, schema_version, version)
)`,
      'CREATE TABLE event_store_transactions (only_one INT PRIMARY KEY CHECK (only_one = 1), added BIGINT NOT NULL)',
      'INSERT INTO event_store_transactions VALUES (1, 0)',
    ],
  ],
}

const TIME: TimeForm = {
  write: (iso) => iso,
  read: (column) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
}

/** Connects when it is first used. */
export function openPostgres(address: SqlAddress, connections: number): OpenedFlavour {
  const pool = postgresPoolAt(address, { connections })
  const database = new PostgresDatabase(pool)
  return { database, flavour: new Postgres(database, () => pool.end()) }
}

class Postgres implements Flavour {
  readonly migrations = MIGRATIONS
  readonly time = TIME
  readonly upsertSnapshot = `INSERT INTO aggregate_snapshots (aggregate_id, schema_version, version, state, created_at)
    VALUES (${marks(5)}) ON CONFLICT (aggregate_id, schema_version, version)
    DO UPDATE SET state = EXCLUDED.state, created_at = EXCLUDED.created_at`
  readonly close: () => Promise<void>
  readonly #database: PostgresDatabase
  /** By the number of events. */
  readonly #inserts: string[] = []

  constructor(database: PostgresDatabase, close: () => Promise<void>) {
    this.#database = database
    this.close = close
  }

  json(column: string): string {
    return `${column}::text`
  }

  async insert(session: SqlSession, batch: Batch): Promise<bigint> {
    const count = batch.events.length
    const values = batch.events.flatMap((_, i) => [batch.done + i, ...valuesOf(batch, i, TIME)])
    const { rows } =
      session === this.#database
        ? await this.#database.runNamed(
            `bingo_append_${count}`,
            (this.#inserts[count] ??= numbered(insertOf(count))),
            values,
          )
        : await session.run(insertOf(count), values)
    return BigInt(rows.at(-1)!['global_position'] as string)
  }

  async prepare(): Promise<void> {
    const next = 'pg_snapshot_xmax(pg_current_snapshot())::text::bigint'
    const newest = `(SELECT coalesce(max(global_position), 0) >> ${EVENTS_BITS} FROM domain_events)`
    const behind = `${newest} >= ${next} + added`
    const { rows } = await this.#database.run(`SELECT 1 FROM event_store_transactions WHERE ${behind}`)
    if (rows.length === 0) return
    await this.#database.run(`UPDATE event_store_transactions SET added = ${newest} + 1 - ${next} WHERE ${behind}`)
  }

  isTransient(error: unknown): boolean {
    return TRANSIENT.has(codeOf(error))
  }

  /** Its transactions need not be waited for: positions say what is still to come. */
  quietEnd(): Promise<bigint | null> {
    return Promise.resolve(null)
  }

  async settled(): Promise<bigint> {
    const oldest = `pg_snapshot_xmin(pg_current_snapshot())::text::bigint + ${ADDED}`
    const { rows } = await this.#database.run(`SELECT ((${oldest}) << ${EVENTS_BITS}) - 1 AS position`)
    return BigInt(rows[0]!['position'] as string)
  }
}

function insertOf(events: number): string {
  const position = `((pg_current_xact_id()::text::bigint + ${ADDED}) << ${EVENTS_BITS}) + ?`
  return `INSERT INTO domain_events (global_position, ${EVENT_COLUMNS.join(', ')})
    VALUES ${tuplesOf(events, `(${position}, ${marks(EVENT_COLUMNS.length)})`)} RETURNING global_position`
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
