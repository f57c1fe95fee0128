import { expect, test } from 'vitest'
import { Daemon, eventually } from '../support/daemon.ts'
import { startMysql } from '../support/servers/mysql.ts'
import { startRedis } from '../support/servers/redis.ts'

const RULES = (dead: string, alive: string): string => `rules:
  - id: to-dead
    table: shop.wide
    actions:
      - {type: redis, url: "${dead}", cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}"}
      - {type: redis, url: "${alive}", cmd: RPUSH, key: "after:{{id}}", value: "{{new.seq}}"}
  - id: to-alive
    table: shop.wide
    actions:
      - {type: redis, url: "${alive}", cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}"}
`
const ROWS = 20

test('a target that is down spools: others go on, the checkpoint moves, kill -9 loses nothing, and the backlog arrives in order', async () => {
  const [mysql, dead, alive] = await Promise.all([startMysql({ gtid: true }), startRedis({}), startRedis({})])
  try {
    await mysql.query('CREATE DATABASE shop')
    await mysql.query('CREATE TABLE shop.wide (id INT PRIMARY KEY, seq INT NOT NULL, pad VARCHAR(2000))')
    await using bingo = await Daemon.start({
      rules: RULES(dead.url, alive.url),
      sourceUrl: mysql.url,
      env: { BINGO_BUDGET: '1MiB', BINGO_SPOOL_AFTER: '1s' },
    })
    const values = Array.from({ length: ROWS }, (_, i) => `(${i + 1}, 1, REPEAT('x', 200))`).join(',')
    await mysql.query(`INSERT INTO shop.wide VALUES ${values}`)
    const list = async (server: typeof alive, key: string): Promise<number[]> => {
      const text = (await server.cli('--raw', 'LRANGE', key, '0', '-1')).trim()
      return text === '' ? [] : text.split('\n').map(Number)
    }
    // The second action of a change is behind the first.
    for (let row = 1; row <= ROWS; row++) {
      await eventually(`row ${row} is there`, async () => (await list(alive, `after:${row}`)).length === 1)
    }
    await dead.kill('SIGKILL')
    let last = 1
    const update = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        last += 1
        await mysql.query('UPDATE shop.wide SET seq = seq + 1')
      }
    }
    await update(100)
    await eventually('the other rule has everything', async () => (await list(alive, 'row:7')).at(-1) === last)
    const name = `{target="redis ${new URL(dead.url).host}"}`
    await bingo.shows(`bingo_spool_events${name}`, 2 * 100 * ROWS)
    await eventually('few are in memory', async () => ((await bingo.metric('bingo_in_flight_jobs')) ?? Infinity) < 50)
    const { text } = await bingo.get('/readyz')
    expect(text).toContain('BINGO_SPOOL')
    await eventually(
      'nothing is left behind the checkpoint',
      async () => (await bingo.metric('bingo_lag_seconds')) === 0,
    )
    await bingo.stop('SIGKILL')
    bingo.spawn()
    await update(10)
    await eventually('it goes on', async () => (await list(alive, 'row:7')).at(-1) === last)
    expect(await list(alive, 'after:7')).toEqual([1])
    await dead.restart()
    for (const [server, key] of [
      [dead, 'row:7'],
      [alive, 'after:7'],
    ] as const) {
      await eventually(`everything arrived at ${key}`, async () => (await list(server, key)).at(-1) === last)
    }
    // The Redis that was killed has forgotten what it had.
    expect(await list(dead, 'row:7')).toEqual(Array.from({ length: last - 1 }, (_, i) => i + 2))
    expect(await list(alive, 'after:7')).toEqual(Array.from({ length: last }, (_, i) => i + 1))
    await eventually('the spool is empty', async () => ((await bingo.metric(`bingo_spool_events${name}`)) ?? 0) === 0)
  } finally {
    await Promise.all([mysql.stop(), dead.stop(), alive.stop()])
  }
})
