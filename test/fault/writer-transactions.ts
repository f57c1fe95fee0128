import { randomUUID } from 'node:crypto'
import { WRITER_TABLES } from './writer-tables.ts'

/** A connection of mysql2/promise, as far as the writer uses it. */
export interface Connection {
  query(sql: string): Promise<unknown>
  end(): Promise<void>
  destroy(): void
}

interface Choice {
  readonly random: () => number
  /** Rows of each table. */
  readonly keys: number
  /** Number of the writing session; names its XA transactions. */
  readonly session: number
}

/** A weight and what is done then; the weights add up to 1. */
const KINDS: readonly (readonly [number, (connection: Connection, choice: Choice) => Promise<void>])[] = [
  [0.45, committed],
  [0.1, rolledBack],
  [0.12, withSavepoint],
  [0.08, wholeTable],
  [0.1, changedKeys],
  [0.05, replacedRow],
  [0.06, (connection, choice) => xa(connection, choice, 'COMMIT')],
  [0.04, (connection, choice) => xa(connection, choice, 'ROLLBACK')],
]

/** One transaction of a kind that chance chooses. */
export async function transaction(connection: Connection, choice: Choice): Promise<void> {
  let left = choice.random()
  for (const [weight, work] of KINDS) {
    left -= weight
    if (left < 0) return work(connection, choice)
  }
  return committed(connection, choice)
}

/** Up to three rows of each of one or two tables. */
async function committed(connection: Connection, choice: Choice): Promise<void> {
  await connection.query('BEGIN')
  await bump(connection, choice, 3)
  if (choice.random() < 0.3) await bump(connection, choice, 3)
  await connection.query('COMMIT')
}

async function rolledBack(connection: Connection, choice: Choice): Promise<void> {
  await connection.query('BEGIN')
  await bump(connection, choice, 30)
  await connection.query('ROLLBACK')
}

async function withSavepoint(connection: Connection, choice: Choice): Promise<void> {
  await connection.query('BEGIN')
  await bump(connection, choice, 2)
  await connection.query('SAVEPOINT here')
  await bump(connection, choice, 5)
  await connection.query('ROLLBACK TO SAVEPOINT here')
  await bump(connection, choice, 2)
  await connection.query('COMMIT')
}

async function wholeTable(connection: Connection, choice: Choice): Promise<void> {
  await connection.query('BEGIN')
  await connection.query(`UPDATE ${table(choice)} SET seq = seq + 1 ORDER BY uid`)
  await connection.query('COMMIT')
}

/** The primary key moves to any id in reach, so that one row takes the id that another has just left. */
async function changedKeys(connection: Connection, choice: Choice): Promise<void> {
  await connection.query('BEGIN')
  for (let n = 0; n < 2; n++) {
    const id = number(choice, choice.keys * 2)
    await connection.query(`UPDATE ${table(choice)} SET id = ${id}, seq = seq + 1 WHERE uid = ${uid(choice)}`)
  }
  await connection.query('COMMIT')
}

/** DELETE and INSERT of one row: two changes, so its number goes up by two. */
async function replacedRow(connection: Connection, choice: Choice): Promise<void> {
  const [name, row] = [table(choice), uid(choice)]
  await connection.query('BEGIN')
  const [found] = (await connection.query(`SELECT id, seq FROM ${name} WHERE uid = ${row} FOR UPDATE`)) as [
    { id: number; seq: number }[],
  ]
  // InnoDB finds nothing when another session has just moved the row's key to a place that this scan has passed.
  if (found[0] === undefined) return void (await connection.query('ROLLBACK'))
  const { id, seq } = found[0]
  await connection.query(`DELETE FROM ${name} WHERE uid = ${row}`)
  await connection.query(`INSERT INTO ${name} (id, uid, seq, pad) VALUES (${id}, ${row}, ${seq + 2}, 'again')`)
  await connection.query('COMMIT')
}

/** Two-phase commit; between the phases other sessions write on. */
async function xa(connection: Connection, choice: Choice, end: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  await rollBackPrepared(connection, choice.session)
  const xid = `'${nextXid(choice.session)}'`
  await connection.query(`XA START ${xid}`)
  try {
    await bump(connection, choice, 3)
    await connection.query(`XA END ${xid}`)
    await connection.query(`XA PREPARE ${xid}`)
    await connection.query(`XA ${end} ${xid}`)
  } catch (error) {
    // Where the server has rolled it back already, or is away, these have nothing to do.
    await connection.query(`XA END ${xid}`).catch(() => undefined)
    await connection.query(`XA ROLLBACK ${xid}`).catch(() => undefined)
    throw error
  }
}

/** Never used before: a server that was killed may bring a branch back after its session has looked for it. */
function nextXid(session: number): string {
  return `${branchesOf(session)}${randomUUID()}`
}

function branchesOf(session: number): string {
  return `writer-${session}-`
}

const XAER_NOTA = 1397

/** What a session had prepared when its connection was lost would keep its locks, and the checkpoint, for ever. */
export async function rollBackPrepared(connection: Connection, session: number): Promise<void> {
  const [prepared] = (await connection.query('XA RECOVER')) as [{ data: string | Buffer }[]]
  for (const { data: name } of prepared) {
    // MariaDB sends it as bytes.
    const data = String(name)
    if (!data.startsWith(branchesOf(session))) continue
    try {
      await connection.query(`XA ROLLBACK '${data}'`)
    } catch (error) {
      // Gone meanwhile: that is what was wanted.
      if ((error as { errno?: number }).errno !== XAER_NOTA) throw error
    }
  }
}

async function bump(connection: Connection, choice: Choice, most: number): Promise<void> {
  const first = uid(choice)
  const last = first + number(choice, most)
  await connection.query(
    `UPDATE ${table(choice)} SET seq = seq + 1 WHERE uid BETWEEN ${first} AND ${last} ORDER BY uid`,
  )
}

function table({ random }: Choice): string {
  return WRITER_TABLES[random() < 0.5 ? 0 : 1]
}

function uid(choice: Choice): number {
  return number(choice, choice.keys)
}

function number({ random }: Choice, below: number): number {
  return Math.floor(random() * below)
}
