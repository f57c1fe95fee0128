import type { SqlServer } from './servers/sql-server.ts'
import type { Ending } from './saga-faults.ts'

/** What every order is for. */
export const ITEMS = 2
export const PRICE = 150
const STOCK = 1_000
const BALANCE = 100_000

interface Row {
  readonly [column: string]: unknown
}

/** What the services say in their own tables, beside how BinGo says that each order has ended. Answers what is wrong. */
export async function checkTables(sql: SqlServer, endings: ReadonlyMap<string, Ending>): Promise<string[]> {
  const byOrder = async (query: string): Promise<ReadonlyMap<unknown, Row>> => {
    const rows = await sql.query(query)
    return new Map((rows as Row[]).map((row) => [row['id'], row]))
  }
  const orders = await byOrder('SELECT id, status, payment FROM order_service.orders')
  const reservations = await byOrder('SELECT order_id AS id, amount FROM stock_service.reservations')
  const payments = await byOrder('SELECT order_id AS id, status FROM payment_service.payments')
  const wrong = [...endings].flatMap(([order, ends]) => {
    const found = [orders.get(order)?.['status'], reservations.has(order), payments.get(order)?.['status']]
    return isWhole(ends, found) ? [] : [`${order} should be ${ends}, but its rows are ${JSON.stringify(found)}`]
  })
  const completed = [...endings.values()].filter((ends) => ends === 'completed').length
  const [items] = (await sql.query("SELECT free FROM stock_service.items WHERE id = 'coffee'")) as Row[]
  const [account] = (await sql.query('SELECT balance FROM payment_service.accounts')) as Row[]
  const sums = [
    ['free items', Number(items?.['free']), STOCK - completed * ITEMS],
    ['balance', Number(account?.['balance']), BALANCE - completed * PRICE],
  ] as const
  return [
    ...wrong,
    ...sums.flatMap(([what, is, should]) => (is === should ? [] : [`${what}: ${is} instead of ${should}`])),
  ]
}

function isWhole(ends: Ending, [status, isReserved, payment]: readonly unknown[]): boolean {
  if (ends === 'completed') return status === 'confirmed' && isReserved === true && payment === 'charged'
  return status !== 'confirmed' && status !== 'placed' && isReserved === false && payment !== 'charged'
}
