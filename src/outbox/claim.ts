import { EXPRESSIONS } from '../clients/sql/expressions.ts'
import type { OwnDatabase } from '../clients/sql/handles.ts'
import { MysqlSession } from '../clients/sql/mysql.ts'
import { marks } from '../clients/sql/session.ts'
import type { SqlDialect, SqlRow, SqlSession, SqlValue } from '../clients/sql/session.ts'
import type { OutboxClaim } from './contract.ts'

/** How long one who claims waits for another. */
const LOCK_SECONDS = 10

/**
 * Claims entries, one process at a time: two that looked at the same moment could each take an entry of the same
 * aggregate. Whoever saves entries is not held up.
 */
export async function claim(database: OwnDatabase, table: string, wanted: OutboxClaim): Promise<readonly SqlRow[]> {
  const rows = await claimRows(database, table, wanted)
  return rows.toSorted((a, b) => Number(a['position']) - Number(b['position']))
}

async function claimRows(database: OwnDatabase, table: string, wanted: OutboxClaim): Promise<readonly SqlRow[]> {
  switch (database.dialect) {
    case 'sqlite':
      return (await database.run(claimReturning('sqlite', table, wanted), [wanted.owner, wanted.leaseMs])).rows
    case 'postgres':
      return database.transaction(async (session) => {
        await session.run("SELECT pg_advisory_xact_lock(hashtext('bingo outbox'), hashtext(?))", [table])
        return (await session.run(claimReturning('postgres', table, wanted), [wanted.owner, wanted.leaseMs])).rows
      })
    case 'mysql':
      return database.withConnection((connection) => claimUnderLock(new MysqlSession(connection), table, wanted))
  }
}

function columns(dialect: SqlDialect): string {
  const { jsonText } = EXPRESSIONS[dialect]
  const texts = `${jsonText('payload')} AS payload_text, ${jsonText('headers')} AS headers_text`
  return `position, id, aggregate_id, event_type, topic, ${texts}, retry_count`
}

/** Free entries, and none behind one of its aggregate that is not free. */
function free(dialect: SqlDialect, table: string, limit: number): string {
  const { nowMs } = EXPRESSIONS[dialect]
  return `SELECT o.id FROM ${table} o
    WHERE o.processed_at IS NULL AND o.failed = 0 AND o.claimed_until <= ${nowMs} AND o.due_at <= ${nowMs}
      AND NOT EXISTS (SELECT 1 FROM ${table} e
        WHERE e.aggregate_id = o.aggregate_id AND e.position < o.position AND e.processed_at IS NULL AND e.failed = 0
          AND (e.claimed_until > ${nowMs} OR e.due_at > ${nowMs}))
    ORDER BY o.position LIMIT ${Math.floor(limit)}`
}

function claimReturning(dialect: 'sqlite' | 'postgres', table: string, { limit }: OutboxClaim): string {
  return `UPDATE ${table} SET claimed_by = ?, claimed_until = ${EXPRESSIONS[dialect].nowMs} + ?
    WHERE id IN (${free(dialect, table, limit)}) RETURNING ${columns(dialect)}`
}

async function claimUnderLock(session: SqlSession, table: string, wanted: OutboxClaim): Promise<readonly SqlRow[]> {
  const lock = `CONCAT(DATABASE(), '.${table}')`
  const { rows } = await session.run(`SELECT GET_LOCK(LEFT(${lock}, 64), ${LOCK_SECONDS}) AS got`)
  // Somebody else claims all the time: there will be another opportunity.
  if (Number(rows[0]!['got']) !== 1) return []
  try {
    const ids = (await session.run(free('mysql', table, wanted.limit))).rows.map(({ id }) => id as string)
    if (ids.length === 0) return []
    const these: readonly SqlValue[] = ids
    const until = `claimed_until = ${EXPRESSIONS.mysql.nowMs} + ?`
    const set = `UPDATE ${table} SET claimed_by = ?, ${until} WHERE id IN (${marks(ids.length)})`
    await session.run(set, [wanted.owner, wanted.leaseMs, ...these])
    const claimed = `SELECT ${columns('mysql')} FROM ${table} WHERE id IN (${marks(ids.length)})`
    return (await session.run(claimed, these)).rows
  } finally {
    await session.run(`SELECT RELEASE_LOCK(LEFT(${lock}, 64))`)
  }
}
