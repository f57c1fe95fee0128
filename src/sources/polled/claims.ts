import type { DatabaseSync } from 'node:sqlite'
import { EXPRESSIONS } from '../../clients/sql/expressions.ts'
import type { OwnDatabase } from '../../clients/sql/handles.ts'
import { migrate, migrateSqlite, type Migrations } from '../../clients/sql/migrate.ts'
import { MysqlSession } from '../../clients/sql/mysql.ts'
import { marks, tuplesOf } from '../../clients/sql/session.ts'
import type { SqlDialect, SqlRow, SqlSession, SqlValue } from '../../clients/sql/session.ts'
import { inSharedTransaction } from '../../clients/sqlite/transaction.ts'

/** How long one who claims waits for another. */
const LOCK_SECONDS = 10

const TABLE: Readonly<Record<SqlDialect, readonly string[]>> = {
  sqlite: [
    `CREATE TABLE IF NOT EXISTS bingo_outbox_claims (
  outbox TEXT NOT NULL, entry TEXT NOT NULL, event_key TEXT, owner TEXT NOT NULL, claimed_until INTEGER NOT NULL,
  PRIMARY KEY (outbox, entry)
) STRICT, WITHOUT ROWID`,
    'CREATE INDEX IF NOT EXISTS bingo_outbox_claims_keys ON bingo_outbox_claims (outbox, event_key)',
  ],
  mysql: [
    `CREATE TABLE IF NOT EXISTS bingo_outbox_claims (
  outbox VARCHAR(190) NOT NULL, entry VARCHAR(1020) NOT NULL, event_key VARCHAR(1020), owner VARCHAR(128) NOT NULL,
  claimed_until BIGINT NOT NULL, PRIMARY KEY (outbox, entry), KEY event_keys (outbox, event_key)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin`,
  ],
  postgres: [
    `CREATE TABLE IF NOT EXISTS bingo_outbox_claims (
  outbox TEXT NOT NULL, entry TEXT COLLATE "C" NOT NULL, event_key TEXT COLLATE "C", owner TEXT NOT NULL,
  claimed_until BIGINT NOT NULL, PRIMARY KEY (outbox, entry)
)`,
    'CREATE INDEX IF NOT EXISTS bingo_outbox_claims_keys ON bingo_outbox_claims (outbox, event_key)',
  ],
}

type Statement = readonly [sql: string, values: readonly SqlValue[]]

/** A row to be claimed. `bingo_entry`, `bingo_key`: what it and its key are called in the claims. */
export interface FreeRow extends SqlRow {
  readonly bingo_entry: string
  readonly bingo_key: string | null
}

/** Who works on which rows of an outbox, in a table beside it, whatever columns the outbox has. */
export class Claims {
  private readonly database: OwnDatabase
  private readonly file: DatabaseSync | null
  private readonly outbox: string
  private readonly owner: string
  private readonly now: string

  /** `file`: the connection behind `database`, where that is SQLite. */
  constructor(database: OwnDatabase, file: DatabaseSync | null, outbox: string, owner: string) {
    this.database = database
    this.file = file
    this.outbox = outbox
    this.owner = owner
    this.now = EXPRESSIONS[database.dialect].nowMs
  }

  /** Makes the table where it is missing. */
  async open(): Promise<void> {
    const { database, file } = this
    const migrations: Migrations = { component: 'outbox_claims', versions: [TABLE[database.dialect]] }
    if (database.dialect !== 'sqlite') await migrate(database, migrations)
    else if (file !== null) await migrateSqlite(file, migrations)
  }

  /** Gives back what an earlier run of this instance had claimed. */
  async takeBack(): Promise<void> {
    const sql = 'DELETE FROM bingo_outbox_claims WHERE outbox = ? AND owner = ?'
    await this.database.run(sql, [this.outbox, this.owner])
  }

  /**
   * What a row `o` has to be, besides waiting: not claimed, and nobody else works on its key. With the values for its `?`.
   */
  get freeCondition(): (entry: string, key: string | null) => Statement {
    return (entry, key) => {
      const live = (alias: string): string => `${alias}.outbox = ? AND ${alias}.claimed_until > ${this.now}`
      const free = `NOT EXISTS (SELECT 1 FROM bingo_outbox_claims c WHERE c.entry = ${entry} AND ${live('c')})`
      if (key === null) return [free, [this.outbox]]
      const others = `SELECT 1 FROM bingo_outbox_claims k WHERE k.event_key = ${key} AND k.owner <> ? AND ${live('k')}`
      return [`${free} AND NOT EXISTS (${others})`, [this.outbox, this.owner, this.outbox]]
    }
  }

  /** Claims the rows that `select` finds, one process at a time: two that looked at the same moment could share a key. */
  async claim(select: Statement, leaseMs: number): Promise<readonly FreeRow[]> {
    const { database, file } = this
    if (file !== null) {
      return inSharedTransaction(file, () => {
        const rows = file.prepare(select[0]).all(...select[1]) as unknown as FreeRow[]
        for (const [sql, values] of this.claiming(rows, leaseMs)) file.prepare(sql).run(...values)
        return rows
      })
    }
    if (database.dialect === 'postgres') {
      return database.transaction(async (session) => {
        await session.run("SELECT pg_advisory_xact_lock(hashtext('bingo outbox'), hashtext(?))", [this.outbox])
        return this.claimIn(session, select, leaseMs)
      })
    }
    if (database.dialect !== 'mysql') return []
    return database.withConnection(async (connection) => {
      const session = new MysqlSession(connection)
      const lock = ["LEFT(CONCAT(DATABASE(), '.', ?), 64)", [this.outbox]] as const
      const { rows } = await session.run(`SELECT GET_LOCK(${lock[0]}, ${LOCK_SECONDS}) AS got`, lock[1])
      // Somebody else claims all the time: there will be another opportunity.
      if (Number(rows[0]!['got']) !== 1) return []
      try {
        return await this.claimIn(session, select, leaseMs)
      } finally {
        await session.run(`SELECT RELEASE_LOCK(${lock[0]})`, lock[1])
      }
    })
  }

  /** Everything that this instance has claimed lasts for `leaseMs` more. */
  async renew(leaseMs: number): Promise<void> {
    const sql = `UPDATE bingo_outbox_claims SET claimed_until = ${this.now} + ? WHERE outbox = ? AND owner = ?`
    await this.database.run(sql, [leaseMs, this.outbox, this.owner])
  }

  /** Runs what settles rows, and gives up the claims of these entries, all or nothing. */
  async settle(statements: readonly Statement[], entries: readonly string[]): Promise<void> {
    const { database, outbox, owner } = this
    const given = `DELETE FROM bingo_outbox_claims WHERE outbox = ? AND owner = ? AND entry IN (${marks(entries.length)})`
    const all: readonly Statement[] = [...statements, [given, [outbox, owner, ...entries]]]
    if (database.dialect === 'sqlite') {
      await database.runTogether(all)
      return
    }
    await database.transaction(async (session) => {
      for (const [sql, values] of all) await session.run(sql, values)
    })
  }

  private async claimIn(session: SqlSession, [sql, values]: Statement, leaseMs: number): Promise<readonly FreeRow[]> {
    const rows = (await session.run(sql, values)).rows as readonly FreeRow[]
    for (const [statement, given] of this.claiming(rows, leaseMs)) await session.run(statement, given)
    return rows
  }

  /** Claims of others that have ended make room. */
  private claiming(rows: readonly FreeRow[], leaseMs: number): readonly Statement[] {
    if (rows.length === 0) return []
    const { outbox, owner } = this
    const entries = rows.map(({ bingo_entry: entry }) => entry)
    const tuple = `(?, ?, ?, ?, ${this.now} + ?)`
    return [
      [`DELETE FROM bingo_outbox_claims WHERE outbox = ? AND entry IN (${marks(rows.length)})`, [outbox, ...entries]],
      [
        `INSERT INTO bingo_outbox_claims (outbox, entry, event_key, owner, claimed_until)
          VALUES ${tuplesOf(rows.length, tuple)}`,
        rows.flatMap(({ bingo_entry: entry, bingo_key: key }) => [outbox, entry, key, owner, leaseMs]),
      ],
    ]
  }
}
