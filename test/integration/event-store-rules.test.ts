import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createEventStore } from '../../src/event-store/create.ts'
import type { EventStore } from '../../src/event-store/contract.ts'
import { all } from '../support/event-store/contract.ts'
import { besides, Daemon, eventually } from '../support/daemon.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'
import { bingo } from './cli-process.ts'

const ORDERS = 300
let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())
beforeEach(() => redis.cli('FLUSHALL'))

const example = (name: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../examples/read-model/${name}`, import.meta.url)), 'utf8')

/** The example, with an event store in the daemon's folder. */
async function prepare(rules?: string, env: Record<string, string> = {}): Promise<Daemon> {
  const daemon = await Daemon.prepare({ rules: rules ?? (await example('rules.yaml')), sourceUrl: '', env: {} })
  Object.assign(daemon.options.env!, {
    BINGO_CONFIG: fileURLToPath(new URL('../../examples/read-model/bingo.yaml', import.meta.url)),
    STATE_FOLDER: daemon.folder,
    REDIS_URL: redis.url,
    ...env,
  })
  return daemon
}

const storeOf = (daemon: Daemon): EventStore => createEventStore(`file:${join(daemon.folder, 'orders.db')}`)

async function placeOrders(store: EventStore, first: number, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, i) => first + i).map((n) =>
      store.appendToStream(`order-${n}`, [
        { type: 'order.placed', payload: { id: n, customer: `c${n % 7}`, total: n } },
        ...(n % 2 === 0 ? [{ type: 'order.paid', payload: {} }] : []),
      ]),
    ),
  )
}

const hash = (n: number): Promise<string> => redis.cli('HGET', `order-${n}`, 'status')
const count = async (): Promise<number> => Number(await redis.cli('EVAL', 'return #redis.call("KEYS", "order-*")', '0'))

async function post(daemon: Daemon, event: object): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}/api/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ event }),
    headers: { 'content-type': 'application/json' },
  })
  expect(response.status).toBe(200)
}

test('the example rebuilds its read model from position 0, follows, and is rebuilt again', async () => {
  await using daemon = await prepare()
  await using store = storeOf(daemon)
  await placeOrders(store, 1, ORDERS)
  daemon.spawn()
  await daemon.ready()
  await eventually('the read model is built', async () => (await count()) === ORDERS)
  await eventually('and has every status', async () => (await hash(ORDERS)).trim() === 'paid')
  expect((await hash(ORDERS - 1)).trim()).toBe('placed')

  // Others append, and so do rules.
  await placeOrders(store, ORDERS + 1, 2)
  await post(daemon, {
    type: 'shop.order.requested',
    key: 'new',
    id: 'request-1',
    payload: { customer: 'c1', total: 5 },
  })
  await eventually('it follows', async () => (await count()) === ORDERS + 3)
  const [placed] = await all(store.readStream('order-new'))
  expect(placed).toMatchObject({ type: 'order.placed', version: 1, source: 'internal', causationId: 'request-1' })

  // The second request for the order comes too late, whatever is tried.
  await post(daemon, {
    type: 'shop.order.requested',
    key: 'new',
    id: 'request-2',
    payload: { customer: 'c2', total: 6 },
  })
  await eventually('it is a dead letter', async () => {
    const { stdout } = await bingo(['dead-letters', 'list', '--json'], { env: besides(daemon) })
    return stdout.includes('BINGO_STORE_VERSION_CONFLICT') && stdout.includes('request-2')
  })
  // Redelivered by a rule that takes any version, it is appended behind the first.
  await writeFile(daemon.rulesFile, (await example('rules.yaml')).replace('no-stream', 'any'))
  const cliOf = (...args: string[]) => bingo(args, { env: { ...besides(daemon), BINGO_RULES: daemon.rulesFile } })
  const retried = await cliOf('dead-letters', 'retry', '--all', '--by', 'record_order#1')
  expect([retried.stderr, retried.stdout]).toEqual(['', '1 delivered, 0 remaining\n'])
  expect((await all(store.readStream('order-new'))).map(({ causationId }) => causationId)).toEqual([
    'request-1',
    'request-2',
  ])
  expect(await daemon.stop()).toBe(0)

  // A restart goes on behind what is done; a rebuild begins at position 0.
  const cli = (...args: string[]) => bingo(args, { env: besides(daemon) })
  const shown = await cli('position', 'show', '--source', 'event-store')
  expect(shown.stdout).toMatch(/position {2}\d+ id=\S+\n/)
  await redis.cli('FLUSHALL')
  daemon.spawn()
  await daemon.ready()
  await placeOrders(store, ORDERS + 10, 1)
  await eventually('only what is new comes', async () => (await count()) === 1)
  expect(await daemon.stop()).toBe(0)
  const set = await cli('position', 'set', 'earliest', '--source', 'event-store')
  expect([set.stderr, set.stdout]).toEqual(['', expect.stringMatching(/New position: 0\n$/)])
  daemon.spawn()
  await daemon.ready()
  await eventually('everything is there again', async () => (await count()) === ORDERS + 4)
})

test('the daemon answers, and appends later, while another process has the event store and the state locked', async () => {
  const rules = `rules:
  - id: record
    on: shop.order.changed
    actions: [{type: event, event: {stream: "orders", type: order.changed, payload: {n: "{{payload.n}}"}}}]
`
  await using daemon = await prepare(rules, { BINGO_EVENT_STORE_FOLLOW: 'off' })
  await using store = storeOf(daemon)
  expect(await store.streamExists('orders')).toBe(false)
  daemon.spawn()
  await daemon.ready()
  const change = (n: number) => post(daemon, { type: 'shop.order.changed', id: `e${n}`, key: 'one', payload: { n } })
  await change(0)
  await eventually('the first is appended', async () => (await all(store.readStream('orders'))).length === 1)
  const locked = ['orders.db', 'checkpoint'].map((name) => new DatabaseSync(join(daemon.folder, name)))
  for (const each of locked) each.exec('BEGIN IMMEDIATE')
  for (const n of [1, 2, 3, 4]) await change(n)
  for (const each of locked) each.close()
  await eventually('all are appended', async () => (await all(store.readStream('orders'))).length === 5)
  expect((await all(store.readStream('orders'))).map(({ payload }) => payload)).toEqual(
    [0, 1, 2, 3, 4].map((n) => ({ n })),
  )
  expect(await daemon.stop()).toBe(0)
})

test('appends come once, although the daemon is killed in the middle of them', async () => {
  const rules = `rules:
  - id: record
    on: shop.order.changed
    actions: [{type: event, event: {stream: "order-{{key}}", type: order.changed, payload: {n: "{{payload.n}}"}}}]
`
  await using daemon = await prepare(rules, { BINGO_EVENT_STORE_FOLLOW: 'off' })
  daemon.spawn()
  await daemon.ready()
  const posts = Array.from({ length: 200 }, (_, n) => n)
  for (const [done, n] of posts.entries()) {
    await post(daemon, { type: 'shop.order.changed', id: `e${n}`, key: String(n % 5), payload: { n } })
    if (done % 50 !== 25) continue
    await daemon.stop('SIGKILL')
    daemon.spawn()
    await daemon.ready()
  }
  await using store = storeOf(daemon)
  await eventually('all are appended', async () => (await all(store.readAll())).length >= posts.length)
  expect(await daemon.stop()).toBe(0)
  const events = await all(store.readAll())
  for (const key of ['0', '1', '2', '3', '4']) {
    const ofKey = events
      .filter(({ stream }) => stream === `order-${key}`)
      .map(({ payload }) => (payload as { n: number }).n)
    expect(ofKey).toEqual(posts.filter((n) => String(n % 5) === key))
  }
})

test('rules that append what they follow end at the limit of hops', async () => {
  const rules = `rules:
  - id: round
    on: a.b
    actions: [{type: event, event: {stream: "s", type: a.b}}]
`
  await using daemon = await prepare(rules)
  await using store = storeOf(daemon)
  await store.appendToStream('s', [{ type: 'a.b', payload: 1 }])
  daemon.spawn()
  await daemon.ready()
  await eventually('the chain ends', async () => {
    const { stdout } = await bingo(['dead-letters', 'list', '--json'], { env: besides(daemon) })
    return stdout.includes('BINGO_EVENT_HOPS')
  })
  expect(await all(store.readAll())).toHaveLength(17)
})
