import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Daemon } from '../support/daemon.ts'
import type { RedisServer, SqlServer } from './servers.ts'
import { createTable, insertRows, updateRows } from './dataset.ts'
import { usageOf } from './process-usage.ts'
import type { Row } from './report.ts'

export const RULE = `rules:
  - id: cache
    table: shop.big
    events: [UPDATE, DELETE]
    filter: "NewRow['status'] != OldRow['status']"
    actions:
      - {type: redis, cmd: UNLINK, key: "cache:user:{{ .ID }}"}
`

/** One UPDATE of all rows until as many Redis keys are gone, with the daemon as its users run it. */
export async function endToEnd(
  sql: SqlServer,
  redis: RedisServer,
  rows: number,
  nodeArgs: readonly string[] = [],
): Promise<Row[]> {
  await createTable(sql)
  await insertRows(sql, rows)
  await fillKeys(redis, rows)
  const started = performance.now()
  await using bingo = await Daemon.start({
    rules: RULE,
    sourceUrl: sql.url,
    env: { BINGO_REDIS_URL: redis.url },
    nodeArgs,
  })
  const startMs = performance.now() - started
  await delay(1000)
  const idle = usageOf(bingo.pid)
  await redis.cli('CONFIG', 'RESETSTAT')
  const { begun, committed, done } = await updateUntilGone(sql, redis, rows)
  const used = usageOf(bingo.pid)
  await bingo.stop()
  const commands = Number(/cmdstat_unlink:calls=(\d+)/.exec(await redis.cli('INFO', 'commandstats'))?.[1])
  const cpuSeconds = used.cpuSeconds - idle.cpuSeconds
  const section = 'b end to end'
  return [
    { section, name: 'COMMIT returned → last key gone', value: (rows / (done - committed)) * 1000, unit: 'rows/s' },
    { section, name: 'UPDATE sent → last key gone', value: (rows / (done - begun)) * 1000, unit: 'rows/s' },
    { section, name: 'CPU of the daemon per million rows', value: (cpuSeconds / rows) * 1e6, unit: 's' },
    { section, name: 'peak RSS of the daemon', value: used.peakRssMb, unit: 'MB' },
    { section, name: 'UNLINK commands', value: commands, unit: 'commands' },
    {
      section: 'f start',
      name: 'process start → ready',
      value: startMs,
      unit: 'ms',
      note: 'includes polling every 25 ms',
    },
    { section: 'f start', name: 'RSS idle', value: idle.rssMb, unit: 'MB' },
  ]
}

/** A key for each row. */
export async function fillKeys(redis: RedisServer, rows: number): Promise<void> {
  await redis.cli('FLUSHALL')
  for (let first = 1; first <= rows; first += 100_000) {
    const last = Math.min(rows, first + 99_999)
    await redis.cli('EVAL', `for i=${first},${last} do redis.call('SET','cache:user:'..i,'x') end`, '0')
  }
}

/** Updates all rows in one transaction. When, in ms of the monotonic clock, it began, was committed, and the last key was gone. */
export async function updateUntilGone(
  sql: SqlServer,
  redis: RedisServer,
  rows: number,
): Promise<{ readonly begun: number; readonly committed: number; readonly done: number }> {
  const observer = new Redis(redis.port, redis.host)
  const begun = performance.now()
  await updateRows(sql, rows, true)
  const committed = performance.now()
  while ((await observer.dbsize()) > 0) await delay(2)
  const done = performance.now()
  observer.disconnect()
  return { begun, committed, done }
}
