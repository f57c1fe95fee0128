import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RedisServer } from '../../src/demo/servers/redis.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { recipes, type Replacements } from '../support/recipes.ts'
import { startMysql, type SqlServer } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

const HOOK_SECRET = `whsec_${Buffer.from('a secret of the receiver').toString('base64')}`
const TABLES = [
  'users (id INT PRIMARY KEY, email VARCHAR(50))',
  'products (id INT PRIMARY KEY, slug VARCHAR(50))',
  'purchases (id INT PRIMARY KEY, user_id INT, points INT)',
  'orders (id INT PRIMARY KEY, customer_id INT, status VARCHAR(10), state VARCHAR(10), total DECIMAL(10,2))',
  'refunds (id INT PRIMARY KEY, customer_id INT)',
]

let mysql: SqlServer
let redis: RedisServer
let receiver: WebhookReceiver
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-recipes-'))
  ;[mysql, redis, receiver] = await Promise.all([startMysql({ gtid: true }), startRedis({}), WebhookReceiver.start()])
  await mysql.query('CREATE DATABASE shop; CREATE DATABASE reports')
  for (const table of TABLES) await mysql.query(`CREATE TABLE shop.${table}`)
  await mysql.query(
    'CREATE TABLE reports.order_history (event_id VARCHAR(100) PRIMARY KEY, order_id INT, status VARCHAR(10))',
  )
  await mysql.query("CREATE USER writer IDENTIFIED BY 'p@ss'; GRANT SELECT, INSERT ON reports.* TO writer")
})
afterAll(async () => {
  await receiver?.[Symbol.asyncDispose]()
  await Promise.all([mysql?.stop(), redis?.stop()])
  await rm(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  receiver.requests.length = 0
  await redis.cli('FLUSHALL')
  for (const table of TABLES) await mysql.query(`DELETE FROM shop.${table.split(' ')[0]}`)
})

function start(ids: readonly string[], env: Record<string, string> = {}): Promise<Daemon> {
  const replacements: Replacements = [
    ...['crm', 'mail', 'ops', 'billing'].map((name) => [`https://${name}.example.com`, receiver.url] as const),
    ['reports:3306', `${mysql.host}:${mysql.port}`],
    ['/var/log/bingo', folder],
  ]
  const rules = recipes(ids, replacements)
  return Daemon.start({ rules, sourceUrl: mysql.url, env: { BINGO_REDIS_URL: redis.url, HOOK_SECRET, ...env } })
}

const sent = (path: string): unknown[] =>
  receiver.requests.filter((each) => each.path === path).map(({ body }) => JSON.parse(body) as unknown)
const values = async (...keys: readonly string[]): Promise<readonly string[]> =>
  (await redis.cli('--raw', 'MGET', ...keys)).replace(/\n$/, '').split('\n')

test('a product leaves the cache, copies of users, and points that count once', async () => {
  await using bingo = await start(['drop_product_cache', 'copy_user', 'points'])
  await redis.cli('MSET', 'product:1', 'cached', 'product:2', 'cached', 'product:3', 'cached')
  await mysql.query("INSERT INTO shop.products VALUES (1, 'tea'), (2, 'jam'), (3, 'nut')")
  await mysql.query("UPDATE shop.products SET slug = 'oat' WHERE id = 1")
  await mysql.query('DELETE FROM shop.products WHERE id = 3')
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a@x'), (2, 'b@x')")
  await mysql.query("UPDATE shop.users SET email = 'c@x' WHERE id = 1")
  await mysql.query('DELETE FROM shop.users WHERE id = 2')
  await mysql.query('INSERT INTO shop.purchases VALUES (1, 7, 5), (2, 7, 6), (3, 8, 1)')
  await eventually('points are there', async () => (await values('points:7', 'points:8')).join(' ') === '11 1')
  await eventually('nothing is on its way', async () => (await bingo.metric('bingo_in_flight_jobs')) === 0)
  expect(await values('product:1', 'product:2', 'product:3')).toEqual(['', 'cached', ''])
  expect((await values('user:1')).map((text) => JSON.parse(text) as unknown)).toEqual([{ id: 1, email: 'c@x' }])
  const ttl = Number(await redis.cli('--raw', 'TTL', 'user:1'))
  expect(ttl).toBeGreaterThan(6 * 86_400)
  expect(ttl).toBeLessThanOrEqual(7 * 86_400)
  expect(await values('user:2')).toEqual([''])

  // After a kill, what the checkpoint has not passed yet comes again.
  await bingo.stop('SIGKILL')
  bingo.spawn()
  await bingo.ready()
  await mysql.query('INSERT INTO shop.purchases VALUES (4, 8, 1)')
  await eventually('one more point', async () => (await values('points:8'))[0] === '2')
  expect(await values('points:7')).toEqual(['11'])
})

test('a table in another database and a log keep what has become of each order', async () => {
  await using bingo = await start(['history', 'audit'], { DB_PASSWORD: 'p@ss' })
  await mysql.query("INSERT INTO shop.orders VALUES (1, 7, 'new', NULL, 9.50), (2, 7, 'new', NULL, 1)")
  await mysql.query("UPDATE shop.orders SET status = 'paid' WHERE id = 1")
  await mysql.query("UPDATE shop.orders SET status = 'sent' WHERE id = 1")
  await mysql.query('INSERT INTO shop.refunds VALUES (1, 7)')
  await mysql.query('DELETE FROM shop.orders WHERE id = 2')
  const history = () => mysql.query('SELECT event_id, order_id, status FROM reports.order_history ORDER BY status')
  const audit = async (): Promise<Record<string, unknown>[]> =>
    (await readFile(join(folder, 'audit.ndjson'), 'utf8'))
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line))
  await eventually('the history is there', async () => (await history()).length === 2)
  await eventually('all is in the log', async () => (await audit()).length === 6)
  const lines = await audit()
  expect(await history()).toEqual([
    { event_id: lines.find((line) => isStatus(line, 'paid'))!['id'], order_id: 1, status: 'paid' },
    { event_id: lines.find((line) => isStatus(line, 'sent'))!['id'], order_id: 1, status: 'sent' },
  ])
  const ofFirst = lines.filter(({ table, key }) => table === 'orders' && (key as { id: number }).id === 1)
  expect(ofFirst.map(({ op, changed }) => [op, changed])).toEqual([
    ['insert', ['id', 'customer_id', 'status', 'total']],
    ['update', ['status']],
    ['update', ['status']],
  ])
  expect(lines.map(({ table, op }) => `${String(table)} ${String(op)}`).toSorted()).toEqual([
    'orders delete',
    'orders insert',
    'orders insert',
    'orders update',
    'orders update',
    'refunds insert',
  ])

  // A duplicate is harmless.
  const [{ event_id: id }] = (await history()) as [{ event_id: string }]
  await mysql.query(`INSERT IGNORE INTO reports.order_history (event_id, order_id, status) VALUES ('${id}', 1, 'paid')`)
  expect(await history()).toHaveLength(2)
  expect(await bingo.stop()).toBe(0)
})

function isStatus(line: Record<string, unknown>, status: string): boolean {
  return line['op'] === 'update' && (line['new'] as { status: string }).status === status
}

test('a signed webhook when an order is paid, and all that a customer did in the order of the commits', async () => {
  await using _bingo = await start(['order_paid', 'customer_feed'])
  await mysql.query("INSERT INTO shop.orders VALUES (1, 7, 'new', NULL, 9.50)")
  await mysql.query("UPDATE shop.orders SET status = 'paid'")
  await mysql.query('INSERT INTO shop.refunds VALUES (1, 7)')
  await mysql.query('UPDATE shop.orders SET total = 9')
  await mysql.query('DELETE FROM shop.refunds')
  await eventually('the feed is there', () => sent('/hooks/feed').length === 5)
  await eventually('the paid order is there', () => sent('/hooks/paid').length > 0)
  const feed = sent('/hooks/feed') as { table: string; op: string; id: string }[]
  expect(feed.map(({ table, op }) => `${table} ${op}`)).toEqual([
    'orders insert',
    'orders update',
    'refunds insert',
    'orders update',
    'refunds delete',
  ])
  expect(sent('/hooks/paid')).toEqual([{ event: feed[1]!.id, order: 1, total: '9.50' }])
  const { body, headers } = receiver.requests.find(({ path }) => path === '/hooks/paid')!
  expect(headers['webhook-id']).toBeTruthy()
  expect(new Webhook(HOOK_SECRET).verify(body, headers as Record<string, string>)).toHaveProperty('order', 1)
})

test('a business event that one rule makes of a row, and another acts on', async () => {
  await using _bingo = await start(['invoice'], { BINGO_EVENTS_STORE: `file:${join(folder, 'events.db')}` })
  await mysql.query("INSERT INTO shop.orders VALUES (1, 7, 'new', 'open', 9.50), (2, 7, 'new', 'open', 1)")
  await mysql.query("UPDATE shop.orders SET state = 'paid' WHERE id = 1")
  await mysql.query('UPDATE shop.orders SET total = 10')
  await eventually('the invoice is there', () => sent('/invoices').length > 0)
  expect(sent('/invoices')).toEqual([{ order: 1 }])
})

test('a gap is reported with its reason and with what is missing', async () => {
  await using bingo = await start(['report_gap'])
  await mysql.query("INSERT INTO shop.users VALUES (1, 'a@x')")
  await eventually('it was read', async () => (await bingo.metric('bingo_lag_seconds')) !== undefined)
  await bingo.stop()
  for (let id = 2; id < 5; id++) {
    await mysql.query(`INSERT INTO shop.users VALUES (${id}, 'lost')`)
    await mysql.query('FLUSH BINARY LOGS')
  }
  const newest = (await mysql.query('SHOW BINARY LOGS')).at(-1)!
  await mysql.query(`PURGE BINARY LOGS TO '${String(newest['Log_name'])}'`)
  bingo.spawn({ BINGO_SOURCE_ON_GAP: 'latest' })
  await eventually('the gap is reported', () => sent('/flush-cache').length > 0)
  expect(sent('/flush-cache')).toEqual([
    {
      reason: expect.stringMatching(/^The server has purged the transactions /),
      missing: expect.stringMatching(/^[-0-9a-f]+:\d+(-\d+)?$/),
    },
  ])
})
