import type { Connection } from 'mysql2/promise'
import type { SqlAddress } from '../../clients/sql/address.ts'
import { mysqlPoolAt } from '../../clients/sql/mysql-pool.ts'
import type { Migrations } from '../../clients/sql/migrate.ts'
import { MysqlDatabase, MysqlSession } from '../../clients/sql/mysql.ts'
import { tuples } from '../../clients/sql/session.ts'
import type { SqlSession } from '../../clients/sql/session.ts'
import { systemClock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Batch, Flavour, OpenedFlavour, TimeForm } from './flavour.ts'
import { EVENT_COLUMNS, valuesOf } from './flavour.ts'

/** Numbers of errors (MySQL's server error reference; MariaDB's are the same). */
const [LOCK_WAIT_TIMEOUT, DEADLOCK] = [1205, 1213]
const ACCESS_DENIED: ReadonlySet<unknown> = new Set([1044, 1142, 1227])

/** Names are compared byte by byte; that trailing blanks do not count is no matter, since no name has any. */
const NAME = 'VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'
const TABLE = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin'

const MIGRATIONS: Migrations = {
  component: 'event_store',
  versions: [
    [
      `CREATE TABLE IF NOT EXISTS domain_events (
  global_position BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  event_id ${NAME} NOT NULL,
  event_type ${NAME} NOT NULL,
  source_service ${NAME},
  aggregate_id ${NAME} NOT NULL,
  version INT NOT NULL,
  timestamp DATETIME(3) NOT NULL,
  correlation_id ${NAME},
  causation_id ${NAME},
  user_id ${NAME},
  payload JSON NOT NULL,
  UNIQUE KEY event_id (event_id),
  UNIQUE KEY aggregate_version (aggregate_id, version)
) ${TABLE}`,
      `CREATE TABLE IF NOT EXISTS aggregate_snapshots (
  aggregate_id ${NAME} NOT NULL,
  schema_version INT NOT NULL,
  version INT NOT NULL,
  state JSON NOT NULL,
  created_at DATETIME(3) NOT NULL,
  PRIMARY KEY (aggregate_id, schema_version, version)
) ${TABLE}`,
    ],
  ],
}

/** DATETIME has no time zone: it holds UTC. */
const TIME: TimeForm = {
  write: (iso) => iso.replace('T', ' ').replace('Z', ''),
  read: (column) => `CONCAT(REPLACE(CAST(${column} AS CHAR), ' ', 'T'), 'Z')`,
}

/** How long a transaction of somebody else may hold up what looks whether gaps are final: whole seconds, at least 1. */
const LOCK_TIMEOUT_S = 1
/** Others' appends wait while the lock is waited for, so that is not done all the time. */
const PAUSE_AFTER_TIMEOUT_MS = 5_000
/** Positions that are looked through for the first gap. */
const SCAN = 10_000

/** Connects when it is first used. */
export function openMysql(address: SqlAddress, connections: number): OpenedFlavour {
  const pool = mysqlPoolAt(address, { connections })
  const database = new MysqlDatabase(pool)
  return { database, flavour: new Mysql(database, () => pool.end()) }
}

/**
 * AUTO_INCREMENT gives positions in another order than transactions commit, and positions of transactions that are rolled
 * back stay unused. So a gap may still be filled: `settled` finds out where none can.
 */
class Mysql implements Flavour {
  readonly migrations = MIGRATIONS
  readonly time = TIME
  readonly upsertSnapshot = `REPLACE INTO aggregate_snapshots (aggregate_id, schema_version, version, state, created_at)
    VALUES ${tuples(1, 5)}`
  readonly close: () => Promise<void>
  readonly #database: MysqlDatabase
  /** Of AUTO_INCREMENT, between two rows of a statement. */
  #step = 1n
  #isMariadb = false
  /** Below it nothing can appear any more. */
  #settled: bigint | null = null
  #notBeforeMs = -Infinity

  constructor(database: MysqlDatabase, close: () => Promise<void>) {
    this.#database = database
    this.close = close
  }

  async prepare(): Promise<void> {
    const { rows } = await this.#database.run('SELECT VERSION() AS version, @@auto_increment_increment AS step')
    this.#isMariadb = /mariadb/i.test(rows[0]!['version'] as string)
    this.#step = BigInt(rows[0]!['step'] as number)
  }

  json(column: string): string {
    return `CAST(${column} AS CHAR)`
  }

  async insert(session: SqlSession, batch: Batch): Promise<bigint> {
    const columns = EVENT_COLUMNS.join(', ')
    const sql = `INSERT INTO domain_events (${columns}) VALUES ${tuples(batch.events.length, EVENT_COLUMNS.length)}`
    const { insertId } = await session.run(
      sql,
      batch.events.flatMap((_, i) => valuesOf(batch, i, TIME)),
    )
    // The rows of one such statement get positions one after the other, in every innodb_autoinc_lock_mode.
    return insertId! + BigInt(batch.events.length - 1) * this.#step
  }

  isTransient(error: unknown): boolean {
    return errnoOf(error) === DEADLOCK
  }

  /** Without gaps since the last look, everything up to the newest event is there. Otherwise, who still writes is waited for. */
  async settled(): Promise<bigint> {
    const known = this.#settled
    if (known !== null) {
      const sql =
        'SELECT count(*) AS events, max(global_position) AS newest FROM domain_events WHERE global_position > ?'
      const { events, newest } = (await this.#database.run(sql, [known])).rows[0]!
      if (Number(events) === 0) return known
      const end = BigInt(newest as number | string)
      if (BigInt(events as number) === end - known) return this.#reached(end)
    }
    if (systemClock.monotonicMs() >= this.#notBeforeMs) {
      const end = await this.#endOfWriters()
      if (end !== null) return this.#reached(end)
      this.#notBeforeMs = systemClock.monotonicMs() + PAUSE_AFTER_TIMEOUT_MS
    }
    return this.#firstGap(known ?? 0n)
  }

  quietEnd(): Promise<bigint | null> {
    return this.#endOfWriters()
  }

  #reached(end: bigint): bigint {
    // Another call may have got further meanwhile.
    if (this.#settled === null || end > this.#settled) this.#settled = end
    return this.#settled
  }

  /**
   * The newest position at a moment at which no transaction has anything in the table that it has not committed; null where
   * there is no such moment soon. MariaDB's READ lock lets transactions be that have written before.
   */
  #endOfWriters(): Promise<bigint | null> {
    return this.#database.withConnection(async (connection) => {
      await connection.query(`SET SESSION lock_wait_timeout = ${LOCK_TIMEOUT_S}`)
      try {
        return await newestUnderLock(connection, this.#isMariadb ? 'WRITE' : 'READ')
      } finally {
        await connection.query('SET SESSION lock_wait_timeout = DEFAULT')
      }
    })
  }

  /** The place before it. */
  async #firstGap(after: bigint): Promise<bigint> {
    const sql = `SELECT global_position FROM domain_events WHERE global_position > ? ORDER BY global_position LIMIT ${SCAN}`
    let end = after
    for (const row of (await this.#database.run(sql, [after])).rows) {
      const position = BigInt(row['global_position'] as number | string)
      if (position !== end + 1n) break
      end = position
    }
    return this.#settled === null && end === 0n ? 0n : this.#reached(end)
  }
}

async function newestUnderLock(connection: Connection, lock: 'READ' | 'WRITE'): Promise<bigint | null> {
  try {
    await connection.query(`LOCK TABLES domain_events ${lock}`)
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === LOCK_WAIT_TIMEOUT) return null
    if (!ACCESS_DENIED.has(errno)) throw error
    throw new BingoError('BINGO_STORE_GRANT_MISSING', 'The account may not lock the table domain_events', {
      hint: "Without the lock, readers could miss events that commit late: GRANT LOCK TABLES ON shop.* TO 'app'@'%';",
      cause: error,
    })
  }
  try {
    const sql = 'SELECT coalesce(max(global_position), 0) AS position FROM domain_events'
    return BigInt((await new MysqlSession(connection).run(sql)).rows[0]!['position'] as number | string)
  } finally {
    await connection.query('UNLOCK TABLES')
  }
}

function errnoOf(error: unknown): unknown {
  return error instanceof Error && 'errno' in error ? error.errno : undefined
}
