import type { ResultSetHeader } from 'mysql2/promise'
import { openDatabase } from './mysql.ts'
import { Refusal, Service } from './service.ts'

/** Stock: what is reserved is free no more. The saga sees the row of a reservation in the binlog. */
export async function stockService(url: string, port = 0) {
  const database = await openDatabase(url, 'stock_service', [
    'CREATE TABLE IF NOT EXISTS items (id VARCHAR(64) PRIMARY KEY, free INT NOT NULL)',
    'CREATE TABLE IF NOT EXISTS reservations (order_id VARCHAR(64) PRIMARY KEY, item VARCHAR(64) NOT NULL, amount INT NOT NULL)',
    "INSERT IGNORE INTO items VALUES ('coffee', 1000)",
  ])
  return Service.listen(
    {
      name: 'stock',
      ...database,
      routes: {
        '/reserve': async (db, { order, item, amount }) => {
          const take = 'UPDATE items SET free = free - ? WHERE id = ? AND free >= ?'
          const [{ affectedRows }] = await db.query<ResultSetHeader>(take, [amount, item, amount])
          if (affectedRows === 0) throw new Refusal(`there are not ${amount} of ${item}`)
          await db.query('INSERT INTO reservations VALUES (?, ?, ?)', [order, item, amount])
        },
        '/release': async (db, { order, item, amount }) => {
          await db.query('DELETE FROM reservations WHERE order_id = ?', [order])
          await db.query('UPDATE items SET free = free + ? WHERE id = ?', [amount, item])
        },
      },
    },
    port,
  )
}
