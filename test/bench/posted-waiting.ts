import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { Daemon } from '../support/daemon.ts'
import { KeepAlive } from './keep-alive.ts'
import { percentile } from './percentiles.ts'
import { usageOf } from './process-usage.ts'
import { rowsIn } from './report.ts'
import type { Row } from './report.ts'
import type { RedisServer } from './servers.ts'

const row = rowsIn('l')

const RULES =
  'rules: [{id: due, on: bench.due, actions: [{type: redis, cmd: PUBLISH, channel: due, message: "{{key}}"}]}]'
const BULK = '/api/v1/events/bulk'
const EVENTS_AT_ONCE = 500
const CONNECTIONS = 4
const DAY_S = 86_400
const TICKS = { perSecond: 100, seconds: 20, delayMs: 5_000 }
const REST_MS = 10_000

/** Posted events that wait for their `deliverAt`, in bulk, in SQLite; some are due while all the others wait. */
export async function postedWaiting(redis: RedisServer, client: Redis, events: number): Promise<Row[]> {
  await using bingo = await Daemon.start({
    rules: RULES,
    sourceUrl: '',
    env: { BINGO_REDIS_URL: redis.url, BINGO_EVENTS_ENVIRONMENTS: 'default' },
  })
  const begun = performance.now()
  await postAll(bingo.adminPort, events)
  const filled = performance.now()
  const { peakRssMb } = usageOf(bingo.pid)
  await delay(REST_MS)
  const { rssMb } = usageOf(bingo.pid)
  const lateMs = await dueAmongThem(bingo.adminPort, client)
  return [
    row('posted for tomorrow: in bulk', events / ((filled - begun) / 1_000), 'events/s'),
    row('posted for tomorrow: peak RSS until all wait', peakRssMb, 'MB'),
    row('posted for tomorrow: RSS while they wait', rssMb, 'MB'),
    ...[50, 99].map((percent) =>
      row(`posted for tomorrow: due among them, late by, p${percent}`, percentile(lateMs, percent), 'ms'),
    ),
  ]
}

async function postAll(port: number, events: number): Promise<void> {
  const http = await KeepAlive.open(port, CONNECTIONS)
  let next = 0
  const post = async (): Promise<void> => {
    while (next < events) {
      const first = next
      next = Math.min(events, first + EVENTS_AT_ONCE)
      const some = Array.from({ length: next - first }, (_, i) => event('bench.tomorrow', `t-${first + i}`))
      await http.post(BULK, JSON.stringify({ events: some, options: { deliverAfter: DAY_S } }))
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, post))
  http.close()
}

/** By how many milliseconds each of them came late. */
async function dueAmongThem(port: number, client: Redis): Promise<number[]> {
  const subscriber = client.duplicate()
  const dueAt = new Map<string, number>()
  const lateMs: number[] = []
  await subscriber.subscribe('due')
  subscriber.on('message', (_channel, key) => lateMs.push(Date.now() - dueAt.get(key)!))
  const http = await KeepAlive.open(port, 1)
  const count = TICKS.perSecond * TICKS.seconds
  for (let number = 0; number < count; number++) {
    const [key, deliverAt] = [`d-${number}`, Date.now() + TICKS.delayMs]
    dueAt.set(key, deliverAt)
    await http.post(
      '/api/v1/events',
      JSON.stringify({ event: event('bench.due', key), options: { deliverAt: new Date(deliverAt) } }),
    )
    await delay(1_000 / TICKS.perSecond)
  }
  while (lateMs.length < count) await delay(20)
  http.close()
  subscriber.disconnect()
  return lateMs
}

function event(type: string, key: string): object {
  return { type, key, payload: { text: 'x'.repeat(200) } }
}
