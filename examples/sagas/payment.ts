import { Kysely, sql } from 'kysely'
import type { Dialect, Transaction } from 'kysely'
import { Refusal, Service } from './service.ts'

interface Database {
  accounts: { customer: string; balance: number }
  payments: { id: string; order_id: string; customer: string; amount: number; status: string }
}

/**
 * Payments, through Kysely on any database that it knows. `setUp` makes the table of the barrier there. The answer of a
 * charge is the payment's id, which later steps use; the refund finds it by what the barrier has kept.
 */
export async function paymentService(dialect: Dialect, setUp: () => Promise<void>, port = 0) {
  const db = new Kysely<Database>({ dialect })
  await setUp()
  await sql`CREATE TABLE IF NOT EXISTS accounts (customer VARCHAR(64) PRIMARY KEY, balance INT NOT NULL)`.execute(db)
  await sql`CREATE TABLE IF NOT EXISTS payments (id VARCHAR(64) PRIMARY KEY, order_id VARCHAR(64) NOT NULL,
    customer VARCHAR(64) NOT NULL, amount INT NOT NULL, status VARCHAR(16) NOT NULL)`.execute(db)
  const known = await db.selectFrom('accounts').selectAll().execute()
  if (known.length === 0) await db.insertInto('accounts').values({ customer: 'alice', balance: 100_000 }).execute()
  return Service.listen<Transaction<Database>>(
    {
      name: 'payment',
      transact: (work) => db.transaction().setIsolationLevel('read committed').execute(work),
      close: () => db.destroy(),
      routes: {
        '/charge': async (trx, { order, customer, total }) => {
          const taken = await trx
            .updateTable('accounts')
            .set((eb) => ({ balance: eb('balance', '-', total) }))
            .where('customer', '=', customer)
            .where('balance', '>=', total)
            .executeTakeFirst()
          if (taken.numUpdatedRows === 0n) throw new Refusal(`${customer} cannot pay ${total}`)
          const payment = `payment-${order}`
          const row = { id: payment, order_id: order, customer, amount: total, status: 'charged' }
          await trx.insertInto('payments').values(row).execute()
          return { payment }
        },
        '/refund': async (trx, { customer, total }, done) => {
          const { payment } = done as { readonly payment: string }
          await trx.updateTable('payments').set({ status: 'refunded' }).where('id', '=', payment).execute()
          await trx
            .updateTable('accounts')
            .set((eb) => ({ balance: eb('balance', '+', total) }))
            .where('customer', '=', customer)
            .execute()
        },
      },
    },
    port,
  )
}
