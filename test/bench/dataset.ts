/** What the data set needs of a server: see test/support/servers. */
export interface SqlServer {
  query(sql: string): Promise<unknown>
}

export const TABLE = 'shop.big'

const COLUMNS = `
  id BIGINT NOT NULL PRIMARY KEY,
  email VARCHAR(120) NOT NULL,
  name VARCHAR(80) NOT NULL,
  status INT NOT NULL,
  age INT NOT NULL,
  balance DECIMAL(12,2) NOT NULL,
  note VARCHAR(200) NULL,
  score DOUBLE NOT NULL,
  created DATETIME(3) NOT NULL,
  updated TIMESTAMP(6) NULL`

/** Rows are made by the server itself, in transactions of this many. */
const ROWS_PER_TRANSACTION = 100_000

/** Ten columns as an application would have them; about 165 bytes a row in the binlog, 280 in an update. */
export async function createTable(server: SqlServer): Promise<void> {
  await server.query('CREATE DATABASE IF NOT EXISTS shop')
  await server.query(`DROP TABLE IF EXISTS ${TABLE}`)
  await server.query(`CREATE TABLE ${TABLE} (${COLUMNS})`)
}

export async function insertRows(server: SqlServer, rows: number): Promise<void> {
  for (let first = 1; first <= rows; first += ROWS_PER_TRANSACTION) {
    const last = Math.min(rows, first + ROWS_PER_TRANSACTION - 1)
    await server.query(
      `INSERT INTO ${TABLE}
       SELECT n, CONCAT('user', n, '@example.com'), CONCAT('Name of user ', n), 0, 18 + n % 60, n % 100000 / 7,
              IF(n % 5 = 0, NULL, 'a short note about this user'), n / 3, '2026-01-01 12:00:00.123', '2026-01-01 12:00:00.123456'
       FROM (SELECT ${first} + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS n
             FROM ${digits('a')}, ${digits('b')}, ${digits('c')}, ${digits('d')}, ${digits('e')}) numbers
       WHERE n <= ${last}`,
    )
  }
}

/** One UPDATE over all rows, in transactions like the inserts'; or in one when `oneTransaction`. */
export async function updateRows(server: SqlServer, rows: number, oneTransaction = false): Promise<void> {
  if (oneTransaction) {
    await server.query(`UPDATE ${TABLE} SET status = status + 1`)
    return
  }
  for (let first = 1; first <= rows; first += ROWS_PER_TRANSACTION) {
    const last = Math.min(rows, first + ROWS_PER_TRANSACTION - 1)
    await server.query(`UPDATE ${TABLE} SET status = status + 1 WHERE id BETWEEN ${first} AND ${last}`)
  }
}

function digits(alias: string): string {
  const rows = Array.from({ length: 10 }, (_, d) => `SELECT ${d}${d === 0 ? ' AS d' : ''}`).join(' UNION ALL ')
  return `(${rows}) ${alias}`
}
