import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTable, insertRows } from '../bench/dataset.ts'
import { usageOf } from '../bench/process-usage.ts'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

/** 10,000,000 by hand: BINGO_LARGE_ROWS=10000000 npm run test:fault -- large-transaction. */
const ROWS = Number(process.env['BINGO_LARGE_ROWS'] ?? 300_000)
/** A heap that could not hold the transaction: about 280 bytes of binlog and far more as objects for each row. */
const HEAP_MB = 128
const WAIT_MS = 900_000

const RULES = `rules:
  - id: count
    table: shop.big
    events: [UPDATE]
    actions:
      - {type: redis, cmd: INCRBY, key: rows, value: "1"}
      - {type: redis, cmd: HSET, key: "user:{{id}}", field: event, value: "{{json event}}"}
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
    await mysql.query('UPDATE shop.big SET status = status + 1')
    await eventually('every row was counted', async () => Number(await redis.cli('GET', 'rows')) >= ROWS, WAIT_MS)
    await eventually('nothing is under way', async () => (await bingo.metric('bingo_in_flight_jobs')) === 0)
    expect(Number(await redis.cli('GET', 'rows'))).toBe(ROWS)
    expect(Number(await redis.cli('DBSIZE'))).toBe(ROWS + 1)
    expect(usageOf(bingo.pid).peakRssMb).toBeLessThan(600)
  },
)
