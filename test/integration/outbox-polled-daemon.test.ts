import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createOutbox } from '../../src/outbox/outbox.ts'
import { sqlOutbox } from '../../src/outbox/sql.ts'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { startDatabase, type DatabaseServer } from '../support/events/database-server.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'
import { bingo } from './cli-process.ts'
import { inForm } from '../support/forms.ts'

const WRITERS = 4
const TRANSACTIONS = 40
const KILLS = inForm({ short: 2, long: 10 })
let redis: RedisServer
let postgres: DatabaseServer

beforeAll(async () => {
  ;[redis, postgres] = await Promise.all([startRedis(), startDatabase('PostgreSQL')])
})
afterAll(() => Promise.all([redis.stop(), postgres[Symbol.asyncDispose]()]))
beforeEach(() => redis.cli('FLUSHALL'))

async function polling(entry: string, rules = 'rules: []'): Promise<Daemon> {
  const daemon = await Daemon.prepare({ rules, sourceUrl: '', env: { BINGO_REDIS_URL: redis.url } })
  const config = join(daemon.folder, 'config.yaml')
  await writeFile(config, `outbox:\n  - ${entry}\n`)
  Object.assign(daemon.options.env!, { BINGO_CONFIG: config })
  daemon.spawn()
  await daemon.ready()
  return daemon
}

const list = async (key: string): Promise<readonly string[]> =>
  (await redis.cli('--raw', 'LRANGE', key, '0', '-1')).split('\n').filter((line) => line !== '')

test('no entry of PostgreSQL is lost or invented, and each key keeps its order, while transactions commit late and the daemon is killed', async () => {
  const url = await postgres.create()
  const pool = new pg.Pool({ connectionString: url })
  const outbox = createOutbox(sqlOutbox(pool))
  await outbox.setup()
  await using daemon = await polling(
    `{table: public.outbox, url: "${url}", poll: 100ms, batch: 10, workers: 2, to: {type: redis, cmd: RPUSH, key: "{{topic}}:{{key}}", value: "{{id}}"}}`,
  )
  const committed: string[][] = []
  let isKilled = false
  const write = async (writer: number): Promise<void> => {
    const client = await pool.connect()
    committed[writer] = []
    try {
      for (let n = 0; n < TRANSACTIONS || !isKilled; n++) {
        const ids = Array.from({ length: 1 + (n % 3) }, (_, i) => `w${writer}-${n}-${i}`)
        await client.query('BEGIN')
        for (const id of ids) {
          const entry = { id, topic: 'orders', aggregateId: `k${writer}`, type: 'order.placed', payload: { id } }
          await outbox.saveWithTransaction(client, entry)
          // Others take later positions meanwhile, and commit before.
          await delay((writer * 7 + n) % 40)
        }
        const isRolledBack = n % 7 === 3
        await client.query(isRolledBack ? 'ROLLBACK' : 'COMMIT')
        if (!isRolledBack) committed[writer].push(...ids)
      }
    } finally {
      client.release()
    }
  }
  const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
  for (let kill = 0; kill < KILLS; kill++) {
    await delay(400)
    await daemon.stop('SIGKILL')
    daemon.spawn()
    await daemon.ready()
  }
  isKilled = true
  await writing
  const delivered = async (writer: number) => [...new Set(await list(`orders:k${writer}`))]
  for (const [writer, ids] of committed.entries()) {
    await eventually(
      `all of writer ${writer} are delivered`,
      async () => (await delivered(writer)).length >= ids.length,
    )
    expect(await delivered(writer)).toEqual(ids)
  }
  const open = async () => (await pool.query('SELECT 1 FROM outbox WHERE processed_at IS NULL')).rows.length
  await eventually('all are marked', async () => (await open()) === 0)
  expect(await daemon.stop()).toBe(0)
  await pool.end()
  // Each kill is a start of the daemon, under load.
}, 600_000)

test('rules take its events, a row that makes none is a dead letter, and nothing comes twice after a stop', async () => {
  const url = await postgres.create()
  const run = (sql: string) => postgres.run(url, sql)
  await run(`CREATE TABLE events (seq BIGSERIAL PRIMARY KEY, kind TEXT, customer TEXT, body JSONB)`)
  const rules = `rules:
  - {id: welcome, on: customer.created, actions: [{type: redis, cmd: RPUSH, key: "seen:{{key}}", value: "{{payload.n}} {{id}}"}]}
`
  const entry = `{table: public.events, url: "${url}", poll: 50ms, after: delete, shape: {id: seq, type: kind, key: customer, payload: body}}`
  await using daemon = await polling(entry, rules)
  await run(
    `INSERT INTO events (kind, customer, body) VALUES ('customer.created', 'ann', '{"n": 12345678901234567890}')`,
  )
  await run(
    `INSERT INTO events (kind, customer, body) VALUES ('', 'ann', '{"n": 2}'), ('customer.created', 'ann', '{"n": 3}')`,
  )
  await eventually('both come', async () => (await list('seen:ann')).length === 2)
  expect(await list('seen:ann')).toEqual(['12345678901234567890 public.events:1', '3 public.events:3'])
  await eventually('all rows are gone', async () => (await run('SELECT 1 FROM events')).length === 0)
  const letters = await bingo(['dead-letters', 'list', '--json'], { env: besides(daemon) })
  expect(letters.stdout).toContain('BINGO_OUTBOX_ROW_INVALID')
  expect(await daemon.stop()).toBe(0)
  daemon.spawn()
  await daemon.ready()
  await run(`INSERT INTO events (kind, customer, body) VALUES ('customer.created', 'ann', '{"n": 4}')`)
  await eventually('the next one comes', async () => (await list('seen:ann')).length === 3)
})

test('an entry that fails holds up those behind it of its key and no others, is tried as often as it may, and is marked with its error', async () => {
  await using receiver = await WebhookReceiver.start()
  // Says nothing about the receiver as a whole.
  receiver.answer = (body) => (body.includes('"bad"') ? 408 : 204)
  const url = await postgres.create()
  const run = (sql: string) => postgres.run(url, sql)
  await run(`CREATE TABLE outbox (position BIGSERIAL PRIMARY KEY, id TEXT, aggregate_id TEXT, topic TEXT, payload JSON,
    processed_at TIMESTAMPTZ, last_error TEXT)`)
  await run(`INSERT INTO outbox (id, aggregate_id, topic, payload) VALUES ('e1', 'a', 'orders', '"a1"'),
    ('e2', 'a', 'orders', '"bad"'), ('e3', 'a', 'orders', '"a3"'), ('e4', 'b', 'orders', '"b4"')`)
  await using daemon = await polling(
    `{table: public.outbox, url: "${url}", poll: 50ms, workers: 2, maxRetries: 2, to: {type: webhook, url: "${receiver.url}", body: "{{payload}}", onFailure: skip}}`,
  )
  await eventually(
    'all are marked',
    async () => (await run('SELECT 1 FROM outbox WHERE processed_at IS NULL')).length === 0,
  )
  const said = receiver.requests.map(({ body }) => body.replaceAll('"', ''))
  expect(said.filter((text) => text !== 'b4')).toEqual(['a1', 'bad', 'bad', 'bad', 'a3'])
  expect(said.filter((text) => text === 'b4')).toHaveLength(1)
  expect(await run('SELECT id FROM outbox WHERE last_error IS NOT NULL')).toEqual([{ id: 'e2' }])
  const letters = await bingo(['dead-letters', 'list', '--json'], { env: besides(daemon) })
  expect(letters.stdout.trim().split('\n')).toHaveLength(1)
  expect(await daemon.stop()).toBe(0)
})

test('a server that is killed and comes back is polled on, and nothing is lost', async () => {
  const url = await postgres.create()
  const run = (sql: string) => postgres.run(url, sql)
  await run(
    `CREATE TABLE outbox (position BIGSERIAL PRIMARY KEY, id TEXT, aggregate_id TEXT, topic TEXT, payload JSON, processed_at TIMESTAMPTZ)`,
  )
  const insert = (first: number, count: number) =>
    run(`INSERT INTO outbox (id, aggregate_id, topic, payload)
      SELECT 'e' || n, 'a', 'orders', '{}' FROM generate_series(${first}, ${first + count - 1}) n`)
  await using daemon = await polling(
    `{table: public.outbox, url: "${url}", poll: 50ms, batch: 7, to: {type: redis, cmd: RPUSH, key: all, value: "{{id}}"}}`,
  )
  await insert(1, 200)
  await eventually('it has begun', async () => (await list('all')).length > 0)
  await postgres.kill()
  await postgres.restart()
  await insert(201, 20)
  const delivered = async () => [...new Set(await list('all'))]
  await eventually('all are delivered', async () => (await delivered()).length >= 220)
  expect(await delivered()).toEqual(Array.from({ length: 220 }, (_, i) => `e${i + 1}`))
  await eventually(
    'all are marked',
    async () => (await run('SELECT 1 FROM outbox WHERE processed_at IS NULL')).length === 0,
  )
  expect(await daemon.stop()).toBe(0)
})

test('an account of MySQL without any right to the binlog is enough', async () => {
  await using server = await startMysql()
  await server.query(`CREATE DATABASE shop; CREATE USER app IDENTIFIED BY 'secret'; GRANT ALL ON shop.* TO app;
    CREATE TABLE shop.outbox (position BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(64), aggregate_id VARCHAR(64),
      event_type VARCHAR(64), topic VARCHAR(64), payload JSON, headers JSON, processed_at DATETIME(3))`)
  const url = new URL('/shop', server.url)
  url.username = 'app'
  url.password = 'secret'
  await using daemon = await polling(
    `{table: shop.outbox, url: "${url.href}", poll: 50ms, to: {type: redis, cmd: RPUSH, key: "{{topic}}", value: "{{payload.n}}"}}`,
  )
  for (const n of [1, 2, 3]) {
    await server.query(
      `INSERT INTO shop.outbox (id, aggregate_id, event_type, topic, payload) VALUES ('e${n}', 'a', 'order.placed', 'orders', '{"n": ${n}}')`,
    )
  }
  await eventually('all come', async () => (await list('orders')).length === 3)
  expect(await list('orders')).toEqual(['1', '2', '3'])
  await daemon.stop()
  expect(JSON.stringify(daemon.log)).not.toContain('secret')
})
