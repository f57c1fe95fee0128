import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Daemon, freePort } from '../support/daemon.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { createTable, insertRows } from './dataset.ts'
import { percentile } from './percentiles.ts'
import { postedWaiting } from './posted-waiting.ts'
import { usageOf } from './process-usage.ts'
import { rowsIn } from './report.ts'
import type { Row } from './report.ts'
import type { RedisServer, SqlServer } from './servers.ts'

const row = rowsIn('l')

/** Events behind a rule that fails for all of them. */
const SUSPENDED = 110_000
const TICKS = { perSecond: 100, seconds: 20, delayMs: 5_000 }

function rule(id: string, table: string, more: string, action: string): string {
  return `  - {id: ${id}, table: ${table}, events: [INSERT], ${more}actions: [{type: redis, ${action}}]}\n`
}

/** What the daemon takes of memory while so many events wait, and how soon they are gone after that. */
export async function waitingMemory(sql: SqlServer, redis: RedisServer, rows: number): Promise<Row[]> {
  const client = new Redis(redis.port, redis.host)
  try {
    const results: Row[] = []
    for (const measure of [suspended, spooled, delayed, posted]) {
      const measured = await measure(sql, redis, client, rows)
      // A million of them take a while.
      for (const { name, value, unit, note = '' } of measured)
        console.error(`${name}: ${value.toFixed(1)} ${unit} ${note}`)
      results.push(...measured)
    }
    return results
  } finally {
    client.disconnect()
  }
}

/** The target is away until all of them wait. */
async function spooled(sql: SqlServer, redis: RedisServer, client: Redis, rows: number): Promise<Row[]> {
  await createTable(sql)
  await client.del('spooled')
  await using proxy = await TcpProxy.start({ host: '127.0.0.1', port: await freePort() })
  await using bingo = await Daemon.start({
    rules: `rules:\n${rule('spooled', 'shop.big', '', 'cmd: RPUSH, key: spooled, value: "{{id}}"')}`,
    sourceUrl: sql.url,
    env: { BINGO_REDIS_URL: `redis://127.0.0.1:${proxy.port}`, BINGO_SPOOL_AFTER: '1s' },
  })
  const begun = performance.now()
  await insertRows(sql, rows)
  await reached(bingo, 'bingo_spool_events', rows - 1_000)
  const filled = performance.now()
  const waiting = usageOf(bingo.pid)
  proxy.repoint({ host: redis.host, port: redis.port })
  while ((await client.llen('spooled')) === 0) await delay(5)
  const up = performance.now()
  while ((await client.llen('spooled')) < rows) await delay(20)
  const drained = performance.now()
  const numbers = new Set(await client.lrange('spooled', 0, -1)).size
  return [
    row('spooled: first INSERT sent → all wait', rows / ((filled - begun) / 1_000), 'events/s'),
    row('spooled: peak RSS until all wait', waiting.peakRssMb, 'MB'),
    row('spooled: target up → all delivered', rows / ((drained - up) / 1_000), 'events/s'),
    row('spooled: peak RSS until all delivered', usageOf(bingo.pid).peakRssMb, 'MB', {
      note: `${numbers} of ${rows} arrived`,
    }),
  ]
}

/** A column that the rule reads has another name, until all of them wait. */
async function suspended(sql: SqlServer, redis: RedisServer, client: Redis, most: number): Promise<Row[]> {
  const rows = Math.min(most, SUSPENDED)
  await createTable(sql)
  await client.del('suspended')
  const rules = (column: string): string =>
    `rules:\n${rule('suspended', 'shop.big', `filter: "new.${column} > 0", `, 'cmd: RPUSH, key: suspended, value: "{{id}}"')}`
  await using bingo = await Daemon.start({
    rules: rules('age'),
    sourceUrl: sql.url,
    env: { BINGO_REDIS_URL: redis.url },
  })
  await sql.query('ALTER TABLE shop.big RENAME COLUMN age TO years')
  await insertRows(sql, rows)
  await reached(bingo, 'bingo_rule_suspended_events', rows)
  const waiting = usageOf(bingo.pid)
  const letters = await bingo.metric('bingo_dead_letters')
  const { length: lines } = await bingo.says({ code: 'BINGO_RULE_SUSPENDED' })
  const repaired = performance.now()
  await writeFile(bingo.rulesFile, rules('years'))
  while ((await client.llen('suspended')) < rows) await delay(20)
  const seconds = (performance.now() - repaired) / 1_000
  return [
    row(`suspended: peak RSS until ${rows} wait`, waiting.peakRssMb, 'MB', {
      note: `${lines} log lines, ${letters} dead letters`,
    }),
    row('suspended: rule repaired → all delivered', rows / seconds, 'events/s'),
  ]
}

/** Some are due while all the others wait. */
async function delayed(sql: SqlServer, redis: RedisServer, client: Redis, rows: number): Promise<Row[]> {
  await createTable(sql)
  await sql.query('DROP TABLE IF EXISTS shop.due')
  await sql.query('CREATE TABLE shop.due (id BIGINT PRIMARY KEY)')
  const long = rule('long', 'shop.big', 'delay: 24h, ', 'cmd: RPUSH, key: long, value: "{{id}}"')
  const short = rule(
    'short',
    'shop.due',
    `delay: ${TICKS.delayMs}ms, `,
    'cmd: PUBLISH, channel: due, message: "{{id}}"',
  )
  await using bingo = await Daemon.start({
    rules: `rules:\n${long}${short}`,
    sourceUrl: sql.url,
    env: { BINGO_REDIS_URL: redis.url },
  })
  const begun = performance.now()
  await insertRows(sql, rows)
  await reached(bingo, 'bingo_delayed', rows)
  const filled = performance.now()
  const subscriber = client.duplicate()
  const lateMs: number[] = []
  const committed = new Map<number, number>()
  await subscriber.subscribe('due')
  subscriber.on('message', (_channel, id) =>
    lateMs.push(performance.now() - committed.get(Number(id))! - TICKS.delayMs),
  )
  const count = TICKS.perSecond * TICKS.seconds
  for (let id = 0; id < count; id++) {
    await sql.query(`INSERT INTO shop.due VALUES (${id})`)
    committed.set(id, performance.now())
    await delay(1_000 / TICKS.perSecond)
  }
  while (lateMs.length < count) await delay(20)
  subscriber.disconnect()
  return [
    row('delayed: first INSERT sent → all wait', rows / ((filled - begun) / 1_000), 'events/s'),
    row('delayed: peak RSS', usageOf(bingo.pid).peakRssMb, 'MB'),
    row(`delayed: due among them, late by, p99`, percentile(lateMs, 99), 'ms'),
  ]
}

function posted(_sql: SqlServer, redis: RedisServer, client: Redis, rows: number): Promise<Row[]> {
  return postedWaiting(redis, client, rows)
}

/** Of a metric of which there is one line. */
async function reached(bingo: Daemon, metric: string, count: number): Promise<void> {
  for (;;) {
    await bingo.mustRun()
    // A daemon that is busy for seconds may close the connection in between.
    const { text } = await bingo.get('/metrics').catch(() => ({ text: '' }))
    const values = text.split('\n').filter((line) => line.startsWith(`${metric}{`))
    const sum = values.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    if (sum >= count) return
    await delay(250)
  }
}
