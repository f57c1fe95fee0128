import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Pool } from 'undici'
import { Daemon } from '../support/daemon.ts'
import { percentile } from './percentiles.ts'
import type { Row } from './report.ts'
import type { RedisServer } from './servers.ts'

const RULE =
  'rules: [{id: posted, on: bench.posted, actions: [{type: redis, cmd: PUBLISH, channel: posted, message: "{{key}}"}]}]'
const PATH = '/api/v1/events'
/** Posts under way at the same time, one per connection. */
const CONNECTIONS = 64
const RATE = 1_000
const TEXT = 'x'.repeat(200)

/** Posts of one event over HTTP to a daemon with SQLite, which syncs to disk before it answers. */
export async function posts(redis: RedisServer, events: number, seconds: number): Promise<Row[]> {
  await using bingo = await Daemon.start({
    rules: RULE,
    sourceUrl: '',
    env: { BINGO_EVENTS_ENVIRONMENTS: 'default', BINGO_REDIS_URL: redis.url },
  })
  const http = new Pool(`http://127.0.0.1:${bingo.adminPort}`, { connections: CONNECTIONS, pipelining: 1 })
  const client = new Redis(redis.port, redis.host)
  try {
    // The first ones compile.
    await asFastAsPossible(http, 'w', Math.min(events, 2_000))
    const perSecond = await asFastAsPossible(http, 'f', events)
    return [row(`${CONNECTIONS} posts at a time`, perSecond, 'events/s'), ...(await atRate(http, client, seconds))]
  } finally {
    client.disconnect()
    await http.close()
  }
}

async function asFastAsPossible(http: Pool, prefix: string, events: number): Promise<number> {
  const startedAt = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < events) await post(http, `${prefix}-${next++}`)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
  return events / ((performance.now() - startedAt) / 1_000)
}

/** Posts that begin at fixed times, however long others take. */
async function atRate(http: Pool, client: Redis, seconds: number): Promise<Row[]> {
  const subscriber = client.duplicate()
  const arrived = new Map<string, number>()
  await subscriber.subscribe('posted')
  subscriber.on('message', (_channel, key) => arrived.set(key, performance.now()))
  const total = RATE * seconds
  const sent = new Map<string, number>()
  const answeredMs: number[] = []
  const begun = performance.now()
  const underWay: Promise<void>[] = []
  for (let number = 0; number < total; number++) {
    const waitMs = begun + (number / RATE) * 1_000 - performance.now()
    if (waitMs > 1) await delay(waitMs)
    const at = performance.now()
    sent.set(`r-${number}`, at)
    underWay.push(post(http, `r-${number}`).then(() => void answeredMs.push(performance.now() - at)))
  }
  await Promise.all(underWay)
  while (![...sent.keys()].every((key) => arrived.has(key))) await delay(10)
  subscriber.disconnect()
  const effectMs = [...sent].map(([key, at]) => arrived.get(key)! - at)
  return [50, 99].flatMap((percent) => [
    row(`${RATE} posts/s, post → 200, p${percent}`, percentile(answeredMs, percent), 'ms'),
    row(`${RATE} posts/s, post → Redis, p${percent}`, percentile(effectMs, percent), 'ms'),
  ])
}

async function post(http: Pool, key: string): Promise<void> {
  const event = { type: 'bench.posted', key, payload: { text: TEXT } }
  const headers = { 'content-type': 'application/json' }
  const { statusCode, body } = await http.request({
    method: 'POST',
    path: PATH,
    headers,
    body: JSON.stringify({ event }),
  })
  const text = await body.text()
  if (statusCode !== 200) throw new Error(`${statusCode}: ${text}`)
}

function row(name: string, value: number, unit: string): Row {
  return { section: 'm', name, value, unit }
}
