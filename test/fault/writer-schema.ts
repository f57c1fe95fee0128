import type { Connection } from './writer-transactions.ts'
import { WRITER_TABLES } from './writer-tables.ts'

/**
 * Changes the definition of one of the tables: a column is added in front of those that rules read, or dropped, or the
 * table is replaced by a copy with another definition, as gh-ost and pt-online-schema-change do at their cut-over.
 * `alone` runs its work while no session is inside a transaction: the copy has to be complete when the names change.
 */
export async function changeSchema(
  connection: Connection,
  random: () => number,
  alone: (work: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const table = WRITER_TABLES[random() < 0.5 ? 0 : 1]
  if (random() < 0.3) return alone(() => replaceTable(connection, table))
  return toggleColumn(connection, table)
}

async function toggleColumn(connection: Connection, table: string): Promise<void> {
  if (await hasColumn(connection, table)) await connection.query(`ALTER TABLE ${table} DROP COLUMN extra`)
  else await connection.query(`ALTER TABLE ${table} ADD COLUMN extra VARCHAR(20) DEFAULT 'new' AFTER id`)
}

async function hasColumn(connection: Connection, table: string): Promise<boolean> {
  const [columns] = (await connection.query(`SHOW COLUMNS FROM ${table} LIKE 'extra'`)) as [unknown[]]
  return columns.length > 0
}

/** The copy has its columns in another order, so that a row read with the old definition would come out wrong. */
async function replaceTable(connection: Connection, table: string): Promise<void> {
  const [copy, old] = [`${table}_copy`, `${table}_old`]
  await connection.query(`DROP TABLE IF EXISTS ${copy}, ${old}`)
  await connection.query(
    `CREATE TABLE ${copy} (seq INT NOT NULL, pad VARCHAR(300), uid INT NOT NULL UNIQUE, id INT PRIMARY KEY)`,
  )
  await connection.query(`INSERT INTO ${copy} (id, uid, seq, pad) SELECT id, uid, seq, pad FROM ${table}`)
  await connection.query(`RENAME TABLE ${table} TO ${old}, ${copy} TO ${table}`)
  await connection.query(`DROP TABLE ${old}`)
}
