import type { ResultSetHeader } from 'mysql2/promise'
import { openDatabase } from './mysql.ts'
import { Refusal, Service } from './service.ts'

/** Orders: placed when the saga begins, confirmed at its end, cancelled when it fails. */
export async function orderService(url: string, port = 0) {
  const database = await openDatabase(url, 'order_service', [
    'CREATE TABLE IF NOT EXISTS orders (id VARCHAR(64) PRIMARY KEY, total INT NOT NULL, status VARCHAR(16) NOT NULL, payment VARCHAR(64))',
  ])
  return Service.listen(
    {
      name: 'order',
      ...database,
      routes: {
        '/place': async (db, { order, total }) => {
          await db.query("INSERT INTO orders (id, total, status) VALUES (?, ?, 'placed')", [order, total])
        },
        '/cancel': async (db, { order }) => {
          await db.query("UPDATE orders SET status = 'cancelled' WHERE id = ?", [order])
        },
        '/confirm': async (db, { order, payment }) => {
          const confirm = "UPDATE orders SET status = 'confirmed', payment = ? WHERE id = ? AND status = 'placed'"
          const [{ affectedRows }] = await db.query<ResultSetHeader>(confirm, [payment, order])
          if (affectedRows === 0) throw new Refusal('the order is not open')
        },
        '/reopen': async (db, { order }) => {
          await db.query("UPDATE orders SET status = 'placed', payment = NULL WHERE id = ?", [order])
        },
      },
    },
    port,
  )
}
