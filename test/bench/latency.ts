import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Daemon } from '../support/daemon.ts'
import { percentile } from './percentiles.ts'
import { readPackets } from './packet-reader.ts'
import type { Row } from './report.ts'
import type { RedisServer, SqlServer } from './servers.ts'

const XID_EVENT = 16
/** A daemon runs for months: what V8 compiles under its first ten thousand transactions is not what it takes. */
const WARM_UP_SECONDS = 15

export function rules(window: string): string {
  return `rules:
  - id: latency
    table: shop.ticks
    events: [INSERT]
    actions:
      - {type: redis, cmd: PUBLISH, channel: ticks, message: "{{id}}"}
${window === '0' ? '' : `    debounce: ${window}\n`}`
}

/** Commits at a fixed rate; answers when each COMMIT returned, by id. Several connections share the load. */
async function commitAtRate(
  sql: SqlServer,
  rate: number,
  seconds: number,
  firstId: number,
): Promise<Map<number, number>> {
  const committed = new Map<number, number>()
  const connections = await Promise.all(
    Array.from({ length: Math.min(16, Math.ceil(rate / 300)) }, () => sql.connect()),
  )
  const total = rate * seconds
  const begun = performance.now()
  let next = 0
  await Promise.all(
    connections.map(async (connection) => {
      while (next < total) {
        const number = next++
        const waitMs = begun + (number / rate) * 1000 - performance.now()
        if (waitMs > 1) await delay(waitMs)
        await connection.query(`INSERT INTO shop.ticks VALUES (${firstId + number}, 1)`)
        committed.set(firstId + number, performance.now())
      }
    }),
  )
  await Promise.all(connections.map((connection) => connection.end()))
  return committed
}

export async function createTicks(sql: SqlServer): Promise<void> {
  await sql.query('CREATE DATABASE IF NOT EXISTS shop')
  await sql.query('DROP TABLE IF EXISTS shop.ticks')
  await sql.query('CREATE TABLE shop.ticks (id BIGINT PRIMARY KEY, v INT)')
}

export async function latency(
  sql: SqlServer,
  redis: RedisServer,
  rates: readonly number[],
  seconds: number,
): Promise<Row[]> {
  await createTicks(sql)
  const rows: Row[] = []
  let firstId = 1
  for (const window of ['0', '10ms']) {
    for (const rate of rates) {
      const effect = await measureDaemon(sql, redis, window, rate, seconds, firstId)
      firstId += rate * seconds
      const bare = window === '0' ? await measureBare(sql, rate, seconds, firstId) : null
      firstId += rate * seconds
      for (const percent of [50, 99, 99.9]) {
        const value = percentile(effect, percent)
        rows.push({
          section: 'c latency',
          name: `window ${window}, ${rate} tx/s, p${percent}`,
          value,
          unit: 'ms',
          ...(bare ? { baseline: { name: 'bare reader', value: percentile(bare, percent) } } : {}),
          ...(bare ? { note: `+${(value - percentile(bare, percent)).toFixed(2)} ms` } : {}),
        })
      }
    }
  }
  return rows
}

/** COMMIT returned → the effect arrives at a Redis subscriber. */
async function measureDaemon(
  sql: SqlServer,
  redis: RedisServer,
  window: string,
  rate: number,
  seconds: number,
  firstId: number,
): Promise<number[]> {
  await using _bingo = await Daemon.start({
    rules: rules(window),
    sourceUrl: sql.url,
    env: { BINGO_REDIS_URL: redis.url },
  })
  return await measureEffects(sql, redis, rate, seconds, firstId)
}

/** The same of whatever publishes the ids of shop.ticks. */
export async function measureEffects(
  sql: SqlServer,
  redis: RedisServer,
  rate: number,
  seconds: number,
  firstId: number,
): Promise<number[]> {
  const subscriber = new Redis(redis.port, redis.host)
  const arrived = new Map<number, number>()
  await subscriber.subscribe('ticks')
  subscriber.on('message', (_channel, id) => arrived.set(Number(id), performance.now()))
  await commitAtRate(sql, rate, WARM_UP_SECONDS, -rate * WARM_UP_SECONDS)
  await sql.query('DELETE FROM shop.ticks WHERE id < 0')
  await delay(300)
  arrived.clear()
  const committed = await commitAtRate(sql, rate, seconds, firstId)
  while (arrived.size < committed.size) await delay(10)
  subscriber.disconnect()
  return [...committed].map(([id, at]) => arrived.get(id)! - at)
}

/** COMMIT returned → the transaction's last event arrives at a reader that does nothing else. */
async function measureBare(sql: SqlServer, rate: number, seconds: number, firstId: number): Promise<number[]> {
  const { file, offset } = await binlogEnd(sql)
  const arrivals: number[] = []
  const total = rate * seconds
  const all = new AbortController()
  const span = { url: sql.url, file, offset, endFile: '', endOffset: Infinity }
  const reading = readPackets(
    span,
    (buffer, start) => {
      if (buffer[start + 4] !== XID_EVENT) return
      arrivals.push(performance.now())
      if (arrivals.length === total) all.abort()
    },
    all.signal,
  )
  await delay(300)
  const committed = await commitAtRate(sql, rate, seconds, firstId)
  await reading
  // Commits of several connections return in nearly, not exactly, the order of the binlog: compared rank by rank.
  const sorted = [...committed.values()].sort((a, b) => a - b)
  return sorted.map((at, i) => arrivals[i]! - at)
}

export async function binlogEnd(sql: SqlServer): Promise<{ file: string; offset: number }> {
  const rows = (await sql.query('SHOW BINARY LOG STATUS')) as { File: string; Position: number }[]
  return { file: rows[0]!.File, offset: Number(rows[0]!.Position) }
}
