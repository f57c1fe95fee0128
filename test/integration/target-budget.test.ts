import { expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

const RULES = (dead: string, alive: string): string => `rules:
  - id: to-dead
    table: shop.wide
    actions:
      - {type: redis, url: "${dead}", cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}} {{new.pad}}"}
  - id: to-alive
    table: shop.wide
    actions:
      - {type: redis, url: "${alive}", cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}"}
`
const ROWS = 20

test('a dead target whose spool is full does not stop the others up to its share, then pauses reading and is reported; once it is up, all events arrive', async () => {
  const [mysql, dead, alive] = await Promise.all([startMysql({ gtid: true }), startRedis({}), startRedis({})])
  try {
    await mysql.query('CREATE DATABASE shop')
    await mysql.query('CREATE TABLE shop.wide (id INT PRIMARY KEY, seq INT NOT NULL, pad VARCHAR(2000))')
    await using bingo = await Daemon.start({
      rules: RULES(dead.url, alive.url),
      sourceUrl: mysql.url,
      env: { BINGO_BUDGET: '2MiB', BINGO_TARGET_BUDGET: '1MiB', BINGO_SPOOL_MAX_BYTES: '100KiB' },
    })
    const values = Array.from({ length: ROWS }, (_, i) => `(${i + 1}, 1, REPEAT('x', 200))`).join(',')
    await mysql.query(`INSERT INTO shop.wide VALUES ${values}`)
    const length = async (server: typeof alive, row: number) => Number(await server.cli('LLEN', `row:${row}`))
    for (let row = 1; row <= ROWS; row++) {
      const isThere = async () => (await length(dead, row)) === 1 && (await length(alive, row)) === 1
      await eventually(`both have row ${row}`, isThere)
    }
    // What was sent and not answered would be sent again.
    await bingo.shows('bingo_in_flight_jobs', 0)
    await dead.kill('SIGKILL')

    let last = 1
    const update = async (): Promise<void> => {
      last += 1
      await mysql.query('UPDATE shop.wide SET seq = seq + 1')
    }
    for (let i = 0; i < 3; i++) await update()
    await eventually('the other target continues', async () => (await length(alive, ROWS)) === last)
    for (let i = 0; i < 120; i++) await update()
    const name = `{target="redis ${new URL(dead.url).host}",type="redis"}`
    // Reading pauses and resumes as long as the spool takes more; then it stays paused.
    await eventually('reading is paused by the dead one', async () => {
      const { status, text } = await bingo.get('/readyz')
      return status === 503 && text.includes('reading is paused: target redis')
    })
    await bingo.shows(`bingo_target_blocks_reading${name}`, 1)
    expect(await length(alive, ROWS)).toBeLessThan(last)
    expect(await bingo.metric(`bingo_target_in_flight_bytes${name}`)).toBeLessThan(2 * 2 ** 20)
    await bingo.says({ code: 'BINGO_BACK_PRESSURE' })

    await dead.restart()
    for (const server of [dead, alive]) {
      await eventually(
        'everything arrived',
        async () => (await length(server, ROWS)) >= (server === dead ? last - 1 : last),
      )
    }
    await bingo.ready()
    await bingo.shows(`bingo_target_blocks_reading${name}`, 0)
    // Rows are not delivered in the order of each other.
    await eventually('row 7 is complete', async () => (await length(dead, 7)) >= last - 1)
    const seen = (await dead.cli('--raw', 'LRANGE', 'row:7', '0', '-1')).trim().split('\n')
    expect(seen.map((line) => Number(line.split(' ')[0]))).toEqual(Array.from({ length: last - 1 }, (_, i) => i + 2))
    await bingo.says({ msg: 'reading resumed' })
  } finally {
    await Promise.all([mysql.stop(), dead.stop(), alive.stop()])
  }
})
