import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTable, insertRows } from '../bench/dataset.ts'
import { usageOf } from '../bench/process-usage.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

/** 10,000,000 by hand: BINGO_LARGE_ROWS=10000000 npm run test:fault -- large-transaction. */
const ROWS = Number(process.env['BINGO_LARGE_ROWS'] ?? 150_000)
/** A heap that could not hold the transaction: about 280 bytes of binlog and far more as objects for each row. */
const HEAP_MB = 128
const WAIT_MS = Math.max(900_000, ROWS * 0.3)

const RULES = `rules:
  - id: count
    table: shop.big
    events: [UPDATE]
    actions:
      - {type: redis, cmd: INCRBY, key: rows, value: "1"}
      - {type: redis, cmd: XADD, key: events, maxlen: 1000}
`

let mysql: Awaited<ReturnType<typeof startMysql>>
let redis: Awaited<ReturnType<typeof startRedis>>

beforeAll(async () => {
  ;[mysql, redis] = await Promise.all([
    startMysql({ gtid: true, args: ['--innodb-buffer-pool-size=1G', '--max-binlog-cache-size=16G'] }),
    startRedis({}),
  ])
})

afterAll(async () => {
  await Promise.all([mysql?.stop(), redis?.stop()])
})

test(
  `one transaction of ${ROWS} rows goes through a heap of ${HEAP_MB} MB, each row once`,
  { timeout: WAIT_MS },
  async () => {
    await createTable(mysql)
    await insertRows(mysql, ROWS)
    await using bingo = await Daemon.start({
      rules: RULES,
      sourceUrl: mysql.url,
      env: { BINGO_REDIS_URL: redis.url },
      nodeArgs: [`--max-old-space-size=${HEAP_MB}`],
    })
    expect(await bingo.metric('bingo_budget_bytes')).toBeLessThan((HEAP_MB * 1024 * 1024) / 16)
    await mysql.query('UPDATE shop.big SET status = status + 1')
    const committedAt = performance.now()
    await eventually(
      'every row was counted',
      async () => {
        await bingo.mustRun()
        return Number(await redis.cli('GET', 'rows')) >= ROWS
      },
      WAIT_MS,
    )
    await eventually('nothing is under way', async () => (await bingo.metric('bingo_in_flight_jobs')) === 0)
    const seconds = (performance.now() - committedAt) / 1000
    expect(Number(await redis.cli('GET', 'rows'))).toBe(ROWS)
    expect(Number(/entries-added\n(\d+)/.exec(await redis.cli('XINFO', 'STREAM', 'events'))?.[1])).toBe(ROWS)
    const { peakRssMb, cpuSeconds } = usageOf(bingo.pid)
    console.log(
      `${ROWS} rows: commit to the last acknowledgement ${seconds.toFixed(1)} s, ` +
        `${cpuSeconds.toFixed(1)} CPU s, peak RSS ${peakRssMb.toFixed(0)} MB`,
    )
    expect(peakRssMb).toBeLessThan(600)
  },
)
