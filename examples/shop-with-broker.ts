/**
 * A shop with a broker: an HTTP API on Fastify, orders in SQLite through Kysely, and handlers of events for what comes after an
 * order. Run it with `node examples/shop-with-broker.ts`: it places two orders, prints what happens, and ends. With a folder
 * for its data, `node examples/shop-with-broker.ts /var/lib/shop`, it listens on port 3000 until SIGTERM. In a project of yours
 * import from 'bingo-cdc', and install fastify and kysely.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fastify from 'fastify'
import { Kysely, sql, SqliteDialect } from 'kysely'
import type { Generated } from 'kysely'
import { createBroker, fastifyEvents, kyselyEvents } from '../src/index.ts'
import type { Broker } from '../src/index.ts'

interface Database {
  orders: { id: Generated<number>; product: string; amount: number; status: string }
  stock: { product: string; amount: number }
}

interface Order {
  readonly id: number
  readonly product: string
  readonly amount: number
}

/** What is published, and with which payloads. */
interface ShopEvents {
  /** By the hook of Fastify: the answer to POST /orders. */
  'shop.order.create': Order
  'shop.order.confirmed': Order
  'shop.order.rejected': Order & { readonly why: string }
  /** By the hook of Kysely: every UPDATE of the stock. */
  'db.stock.update': { readonly values: readonly { readonly amount: number }[] }
}

function openDatabase(path: string, broker: Broker<ShopEvents>): Kysely<Database> {
  const file = new DatabaseSync(path)
  file.exec(`
    CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, product TEXT NOT NULL, amount INTEGER NOT NULL, status TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS stock (product TEXT PRIMARY KEY, amount INTEGER NOT NULL);
    INSERT OR IGNORE INTO stock VALUES ('tea', 3)`)
  const dialect = new SqliteDialect({
    database: {
      close: () => file.close(),
      prepare: (text) => {
        const statement = file.prepare(text)
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...(parameters as string[])),
          run: (parameters) => statement.run(...(parameters as string[])),
          iterate: (parameters) => statement.iterate(...(parameters as string[])),
        }
      },
    },
  })
  // Only the stock: orders are published by the API, with the user.
  const entity = (table: string): string | null => (table === 'stock' ? table : null)
  return new Kysely<Database>({ dialect, plugins: [kyselyEvents({ broker, schema: 'db', entity })] })
}

/** What comes after an order. Events may come twice after a crash: each step looks whether it was done. */
function handleOrders(broker: Broker<ShopEvents>, database: Kysely<Database>): void {
  broker.subscribe(
    'shop.order.create',
    async ({ payload: order, key }) => {
      const { id, product, amount } = order
      const taken = await database
        .updateTable('stock')
        .set({ amount: sql`amount - ${amount}` })
        .where('product', '=', product)
        .where('amount', '>=', amount)
        .where((where) =>
          where.exists(where.selectFrom('orders').selectAll().where('id', '=', id).where('status', '=', 'new')),
        )
        .executeTakeFirst()
      const status = taken.numUpdatedRows > 0n ? 'confirmed' : 'rejected'
      await database.updateTable('orders').set({ status }).where('id', '=', id).where('status', '=', 'new').execute()
      const now = await database.selectFrom('orders').select('status').where('id', '=', id).executeTakeFirstOrThrow()
      if (now.status === 'confirmed') await broker.publish('shop.order.confirmed', order, { key })
      else await broker.publish('shop.order.rejected', { ...order, why: 'out of stock' }, { key })
    },
    { id: 'reserve-stock' },
  )
  let isMailServerDown = true
  broker.subscribe(
    'shop.order.*',
    ({ type, payload, userId, causationId }, { attempt }) => {
      if (type === 'shop.order.create') return
      // The first attempt fails: the broker tries again.
      if (isMailServerDown) {
        isMailServerDown = false
        throw new Error('the mail server is down')
      }
      const cause = causationId === null ? '' : ', caused by the order'
      print(`mail to user ${userId}: order ${payload.id} ${type.split('.').at(-1)} (attempt ${attempt}${cause})`)
    },
    { id: 'mail' },
  )
  broker.subscribe('db.**', ({ type, userId }) => print(`audit: ${type} for user ${userId}`), { id: 'audit' })
}

async function createApi(broker: Broker<ShopEvents>, database: Kysely<Database>) {
  const app = fastify()
  app.addHook('onRequest', async (request) => {
    Object.assign(request, { user: { id: request.headers['x-user'] ?? 'nobody' } })
  })
  await app.register(async (orders) => {
    await orders.register(fastifyEvents({ broker, schema: 'shop', entity: 'order' }))
    orders.post('/orders', async (request, reply) => {
      const { product, amount } = request.body as { readonly product: string; readonly amount: number }
      const [order] = await database
        .insertInto('orders')
        .values({ product, amount, status: 'new' })
        .returning(['id', 'product', 'amount'])
        .execute()
      return reply.status(201).send(order)
    })
  })
  app.get('/orders', () => database.selectFrom('orders').selectAll().orderBy('id').execute())
  return app
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

const [given] = process.argv.slice(2)
const folder = given ?? (await mkdtemp(join(tmpdir(), 'bingo-shop-')))
const broker = createBroker<ShopEvents>({ store: `file:${join(folder, 'events')}`, retry: { min: 10, max: 100 } })
const database = openDatabase(join(folder, 'shop.db'), broker)
handleOrders(broker, database)
await broker.start()
const app = await createApi(broker, database)

async function close(): Promise<void> {
  await app.close()
  const { left } = await broker.stop()
  await database.destroy()
  print(`stopped with ${left} events left`)
}

if (given === undefined) {
  // Each order is three events: itself, the change of the stock, and what became of it.
  for (const events of [3, 6]) {
    const answer = await app.inject({
      method: 'POST',
      url: '/orders',
      headers: { 'x-user': 'ada' },
      body: { product: 'tea', amount: 2 },
    })
    print(`POST /orders: ${answer.statusCode} ${answer.body}`)
    while (broker.stats().completedTotal < events) await new Promise(setImmediate)
  }
  print(`GET /orders: ${(await app.inject({ method: 'GET', url: '/orders' })).body}`)
  await close()
  await rm(folder, { recursive: true })
} else {
  process.once('SIGTERM', () => void close())
  print(`listening on ${await app.listen({ port: 3_000 })}`)
}
