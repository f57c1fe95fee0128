import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { recipes, type Replacements } from '../support/recipes.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

const TABLES = [
  'users (id INT PRIMARY KEY, email VARCHAR(50), deleted_at DATETIME, doc JSON)',
  'products (id INT PRIMARY KEY, slug VARCHAR(50), price DECIMAL(10,2), note VARCHAR(50))',
  'customers (id INT PRIMARY KEY, name VARCHAR(50))',
  "orders (id INT PRIMARY KEY, customer_id INT, shop_id INT, status VARCHAR(10) NOT NULL DEFAULT 'new', total DECIMAL(10,2))",
  'refunds (id INT PRIMARY KEY, customer_id INT)',
  'scores (id INT PRIMARY KEY, player VARCHAR(10), points INT)',
]

let mysql: SqlServer
let redis: RedisServer
let receiver: WebhookReceiver

beforeAll(async () => {
  ;[mysql, redis, receiver] = await Promise.all([startMysql({ gtid: true }), startRedis({}), WebhookReceiver.start()])
  for (const schema of ['shop', 'shop_001', 'shop_002']) {
    await mysql.query(`CREATE DATABASE ${schema}`)
    for (const table of TABLES) await mysql.query(`CREATE TABLE ${schema}.${table}`)
  }
})
afterAll(async () => {
  await receiver?.[Symbol.asyncDispose]()
  await Promise.all([mysql?.stop(), redis?.stop()])
})
beforeEach(async () => {
  receiver.requests.length = 0
  await redis.cli('FLUSHALL')
  for (const table of TABLES) await mysql.query(`DELETE FROM shop.${table.split(' ')[0]}`)
})

/** Names of receivers on the page: all of them are one here. */
const RECEIVERS = ['crm', 'mail', 'ops', 'billing']

function start(ids: readonly string[], more: Replacements = [], env: Record<string, string> = {}): Promise<Daemon> {
  const receivers = RECEIVERS.map((name) => [`https://${name}.example.com`, receiver.url] as const)
  const rules = recipes(ids, [...receivers, ...more])
  return Daemon.start({ rules, sourceUrl: mysql.url, env: { BINGO_REDIS_URL: redis.url, ...env } })
}
const sent = (path: string): unknown[] =>
  receiver.requests.filter((each) => each.path === path).map(({ body }) => JSON.parse(body) as unknown)
/** By their text: nothing promises an order between rows. */
const sorted = (path: string): unknown[] =>
  sent(path).toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))
const redisLines = async (...args: readonly string[]): Promise<readonly string[]> => {
  const text = (await redis.cli('--raw', ...args)).replace(/\n$/, '')
  return text === '' ? [] : text.split('\n')
}

test('keys by old and new e-mail, hashes, leaderboards, soft deletes and shards in Redis', async () => {
  await using bingo = await start([
    'drop_user_by_email',
    'product_hash',
    'leaderboard',
    'soft_deleted',
    'order_of_shard',
  ])
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a@x', NULL, NULL), (2, 'b@x', NULL, NULL)")
  await redis.cli('MSET', 'user:a@x', '1', 'user:c@x', '1', 'user:b@x', '1', 'session:1', '1', 'session:2', '1')
  await mysql.query("UPDATE shop.users SET email = 'c@x' WHERE id = 1")
  await mysql.query('UPDATE shop.users SET deleted_at = NOW() WHERE id = 1')
  await mysql.query('DELETE FROM shop.users WHERE id = 2')
  await mysql.query("INSERT INTO shop.products VALUES (1, 'tea', 9.50, 'new'), (2, 'jam', 2.00, NULL)")
  await mysql.query('UPDATE shop.products SET note = NULL, price = 9.90 WHERE id = 1')
  await mysql.query('DELETE FROM shop.products WHERE id = 2')
  await mysql.query("INSERT INTO shop.scores VALUES (1, 'ada', 5), (2, 'bob', 7), (3, 'ada', 4)")
  await mysql.query("INSERT INTO shop_001.orders (id, status) VALUES (1, 'new')")
  await mysql.query("INSERT INTO shop_002.orders (id, status) VALUES (1, 'paid')")
  // Everything before the last one was read, and has come to its end where nothing is in flight.
  await eventually('the last is there', async () => (await redisLines('EXISTS', 'shop_002:order:1'))[0] === '1')
  await bingo.shows('bingo_in_flight_jobs', 0)
  expect(await redisLines('MGET', 'user:a@x', 'user:c@x', 'session:1', 'session:2')).toEqual(['', '', '', '1'])
  expect(await redisLines('HGETALL', 'product:1')).toEqual(['id', '1', 'slug', 'tea', 'price', '9.90'])
  expect(await redisLines('MGET', 'shop_001:order:1', 'shop_002:order:1')).toEqual(['new', 'paid'])
  expect(await redisLines('ZRANGE', 'leaderboard', '0', '-1', 'WITHSCORES')).toEqual(['bob', '7', 'ada', '9'])
})

test('webhooks for what matters: a welcome, a paid order with its name, a price, a city', async () => {
  await using _bingo = await start(['welcome', 'order_paid_to', 'price_jump', 'city_changed'])
  await mysql.query("INSERT INTO shop.customers VALUES (1, 'Ada')")
  await mysql.query(
    `INSERT INTO shop.users VALUES (1, 'a@x', NULL, '{"address": {"city": "Rome"}}'), (2, 'b@x', NULL, NULL)`,
  )
  await mysql.query(`UPDATE shop.users SET doc = '{"address": {"city": "Oslo"}, "x": 1}' WHERE id IN (1, 2)`)
  await mysql.query(`UPDATE shop.users SET doc = '{"address": {"city": "Oslo"}, "x": 2}'`)
  await mysql.query("INSERT INTO shop.products VALUES (1, 'tea', 10.00, NULL)")
  for (const price of [11, 12.1, 12.11, 13.33, 11]) await mysql.query(`UPDATE shop.products SET price = ${price}`)
  await mysql.query('INSERT INTO shop.orders (id, customer_id, total) VALUES (1, 1, 9.5)')
  await mysql.query("UPDATE shop.orders SET status = 'paid'")
  await mysql.query('UPDATE shop.orders SET total = 10')
  await eventually('the paid order is there', () => sent('/hooks/paid-to').length > 0)
  await eventually('the prices are there', () => sent('/price').length === 2)
  await eventually('the cities are there', () => sent('/moved').length === 2)
  await eventually('the welcomes are there', () => sent('/hooks/welcome').length === 2)
  expect(sorted('/hooks/welcome')).toEqual([{ to: 'a@x' }, { to: 'b@x' }])
  expect(sent('/hooks/paid-to')).toEqual([{ order: 1, name: 'Ada' }])
  expect(sent('/price')).toEqual([
    { product: 1, old: '12.11', new: '13.33' },
    { product: 1, old: '13.33', new: '11.00' },
  ])
  expect(sorted('/moved')).toEqual([
    { user: 1, city: 'Oslo' },
    { user: 2, city: 'Oslo' },
  ])
})

test('one webhook per customer, a reminder of what is unpaid, and an alarm for what is too much', async () => {
  await using bingo = await start(
    ['customer_changed', 'busy_shop', 'remind', 'still_unpaid'],
    [
      ['{window: 5s, maxWait: 5s}', '{window: 2s, maxWait: 10s}'],
      ['count: 100', 'count: 3'],
      ['delay: 30m', 'delay: 3s'],
    ],
  )
  // In one transaction, so that no window ends in between on a slow machine.
  const statements = [
    'BEGIN',
    'INSERT INTO shop.orders (id, customer_id, shop_id) VALUES (1, 7, 1), (2, 7, 1), (3, 8, 1), (4, 7, 1), (5, 7, 2)',
    "UPDATE shop.orders SET status = 'paid' WHERE id IN (1, 3)",
    'DELETE FROM shop.orders WHERE id = 4',
    'INSERT INTO shop.refunds VALUES (1, 7)',
    'COMMIT',
  ]
  await mysql.query(statements.join('; '))
  await eventually('all reminders are there', () => sent('/hooks/remind').length === 2)
  await eventually('all that is unpaid is there', () => sent('/hooks/unpaid').length === 2)
  await eventually('both customers are there', () => sent('/customers/7').length + sent('/customers/8').length === 2)
  await bingo.shows('bingo_in_flight_jobs', 0)
  expect(sent('/busy')).toEqual([{ shop: '1', orders: 4 }])
  expect(sent('/customers/7')).toEqual([{ customer: 7 }])
  expect(sorted('/hooks/remind')).toEqual([{ order: 2 }, { order: 5 }])
  expect(sorted('/hooks/unpaid')).toEqual([
    { order: 2, total: null },
    { order: 5, total: null },
  ])
})
