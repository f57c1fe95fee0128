import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { EventRedisServer } from '../support/events/redis-server.ts'
import { startRedis, type RedisServer } from '../support/servers/redis.ts'

let store: EventRedisServer
let target: RedisServer

beforeAll(async () => {
  ;[store, target] = await Promise.all([EventRedisServer.start(), startRedis()])
})
afterAll(() => Promise.all([store[Symbol.asyncDispose](), target.stop()]))

const KEYS = 16
const RULES =
  'rules:\n  - {id: list, on: shop.order.create, actions: [{type: redis, cmd: RPUSH, key: "list:{{key}}", value: "{{payload.n}}"}]}\n'

/** Instances of other names that share one store, and one target. */
const instance = (name: string, url: string): Promise<Daemon> =>
  Daemon.start({
    rules: RULES,
    sourceUrl: '',
    env: { BINGO_NAME: name, BINGO_EVENTS_STORE: url, BINGO_REDIS_URL: target.url },
  })

/** Answers whether the event was stored: a daemon or a server may be down. */
async function post(daemon: Daemon, key: number, n: number): Promise<boolean> {
  const event = { type: 'shop.order.create', id: `${key}:${n}`, key: String(key), payload: { n } }
  const response = await fetch(`http://127.0.0.1:${daemon.adminPort}/api/v1/events`, {
    method: 'POST',
    body: JSON.stringify({ event }),
    headers: { 'content-type': 'application/json' },
  }).catch(() => null)
  await response?.text()
  return response?.status === 200
}

/** Posts the next event of each key, one after the other, by whichever daemon takes it. */
async function postRound(daemons: readonly Daemon[], n: number): Promise<void> {
  await Promise.all(
    Array.from({ length: KEYS }, async (_, key) => {
      for (let attempt = 0; !(await post(daemons[(key + attempt) % daemons.length]!, key, n)); attempt++) {
        if (attempt === 300) throw new Error('nobody takes it')
        await delay(100)
      }
    }),
  )
}

/** What a key's effects were, the first time of each. */
async function effects(key: number): Promise<number[]> {
  const lines = (await target.cli('LRANGE', `list:${key}`, '0', '-1')).split('\n').filter((line) => line !== '')
  return [...new Set(lines.map(Number))]
}

test('two instances share the events of a Redis: killed ones and a killed server lose nothing, and each key has its order', async () => {
  const url = store.create()
  const [one, two] = await Promise.all([instance('one', url), instance('two', url)])
  await using _one = one
  await using _two = two
  let n = 0
  const rounds = async (count: number): Promise<void> => {
    for (const end = n + count; n < end; n++) await postRound([one, two], n)
  }
  await rounds(20)
  await one.stop('SIGKILL')
  await rounds(10)
  one.spawn()
  await one.ready()
  await rounds(10)
  await store.kill()
  await store.restart()
  await rounds(10)
  expect(await two.stop()).toBe(0)
  await rounds(10)
  const wanted = Array.from({ length: n }, (_, i) => i)
  for (let key = 0; key < KEYS; key++) {
    await eventually(`the effects of key ${key}`, async () => (await effects(key)).length === n)
    expect(await effects(key)).toEqual(wanted)
  }
  await eventually('the log is worked off', async () => {
    const pending = await store.cli(url, 'ZCARD', 'bingo-events:{events}:ahead:rules')
    const [upTo, last] = await Promise.all([
      store.cli(url, 'HGET', 'bingo-events:{events}:group:rules', 'upTo'),
      store.cli(url, 'HGET', 'bingo-events:{events}', 'place'),
    ])
    return pending.trim() === '0' && upTo.trim() === last.trim()
  })
}, 400_000)

test('a Redis that evicts keys is refused at the start, with the setting to change', async () => {
  const url = store.create()
  await store.cli(url, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  const error = await instance('three', url).catch((reason: Error) => reason)
  await store.cli(url, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  expect((error as Error).message).toContain('BINGO_LOG_UNSAFE')
  expect((error as Error).message).toContain('Set maxmemory-policy noeviction')
})
