import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startNatsEngine } from '../support/events/nats-engine.ts'
import type { NatsEngineServer } from '../support/events/nats-engine.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'

let redis: RedisServer
let nats: NatsEngineServer

beforeAll(async () => {
  ;[redis, nats] = await Promise.all([startRedis(), startNatsEngine()])
})
afterAll(() => Promise.all([redis.stop(), nats[Symbol.asyncDispose]()]))

const RULES = `rules:
  - {id: welcome, on: users.user.create, actions: [{type: redis, cmd: RPUSH, key: "welcome:{{key}}", value: "{{payload.id}}"}]}
  - {id: strict, on: users.user.create, actions: [{type: redis, cmd: SET, key: "u:{{payload.id}}", value: x}]}
`

interface Answer {
  readonly status: number
  readonly body: { readonly [field: string]: unknown }
}

async function call(daemon: Daemon, method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

const post = (daemon: Daemon, event: object, options: object = {}) =>
  call(daemon, 'POST', '/api/v1/events', { event: { type: 'users.user.create', ...event }, options })

async function becomes(daemon: Daemon, id: string, status: string): Promise<Answer['body']> {
  let body: Answer['body'] = {}
  await eventually(`${id} is ${status}`, async () => {
    body = (await call(daemon, 'GET', `/api/v1/events/${id}`)).body
    return body['status'] === status
  }).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(body)}\n${daemon.output()}`)
  })
  return body
}

async function list(key: string): Promise<readonly string[]> {
  return (await redis.cli('LRANGE', key, '0', '-1')).split('\n').filter((line) => line !== '')
}

test('events on a stream survive kills of the daemon and of NATS, in the order of their key; one that fails stops no other key', async () => {
  const env = { BINGO_EVENTS_STORE: nats.newUrl(), BINGO_REDIS_URL: redis.url }
  await using daemon = await Daemon.start({ rules: RULES, sourceUrl: '', env })
  const first = await post(daemon, { id: '1', key: 'k', payload: { id: '1' } })
  expect([first.status, first.body['durability']]).toEqual([200, 'server'])
  // What strict writes to has no name then: it ends in the dead letters, and what is behind it in the log goes on.
  await post(daemon, { id: 'poison', key: 'p', payload: {} })
  await post(daemon, { id: 'nobody', type: 'nothing.listens', payload: 1 })
  await post(daemon, { id: 'later', key: 'k', payload: { id: 'later' } }, { deliverAfter: 8 })
  const poison = await becomes(daemon, 'poison', 'failed')
  expect(JSON.stringify(poison['outcomes'])).toContain('"deadLetter":"poison#strict#')
  expect(await becomes(daemon, 'nobody', 'completed')).toMatchObject({ matched: 0 })
  await redis.kill()
  for (const id of ['2', '3', '4']) await post(daemon, { id, key: 'k', payload: { id } })
  await daemon.stop('SIGKILL')
  await redis.restart()
  daemon.spawn()
  await daemon.ready()
  await becomes(daemon, '4', 'completed')
  await nats.kill()
  const down = await post(daemon, { id: '5', key: 'k', payload: { id: '5' } })
  expect(down.status).toBe(503)
  await nats.restart()
  await eventually(
    'NATS is back',
    async () => (await post(daemon, { id: '5', key: 'k', payload: { id: '5' } })).status === 200,
    60_000,
  )
  await becomes(daemon, '5', 'completed')
  await becomes(daemon, 'later', 'completed')
  // Redis may have lost what it had before it was killed.
  const seen = await list('welcome:k')
  expect([...new Set(seen)].filter((id) => id !== '1' && id !== 'later')).toEqual(['2', '3', '4', '5'])
  expect(seen).toContain('later')
})
