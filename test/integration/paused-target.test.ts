import { expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'
import { bingo as cli } from './cli-process.ts'

const shop = useShopRows()
const ROWS = 10

test('a target is paused and resumed by the command line: others go on, kill -9 forgets nothing, and its events arrive in order', async () => {
  const rules = `rules:
  - id: paused
    table: shop.rows
    actions: [{type: redis, url: "${shop.redis.url}/1", cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}"}]
  - id: other
    table: shop.rows
    actions: [{type: redis, cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}"}]
`
  await using bingo = await shop.start(rules, { BINGO_SPOOL_AFTER: '1s' })
  const env = { BINGO_HTTP_LISTEN: `127.0.0.1:${bingo.adminPort}`, BINGO_SOURCE_URL: shop.mysql.url }
  const targets = (...args: readonly string[]) => cli(['targets', ...args], { env })
  const listed = JSON.parse((await targets('list', '--json')).stdout) as object
  const target = Object.keys(listed).find((id) => id.endsWith('/1'))!
  const list = async (database: string, id: number): Promise<number[]> => {
    const text = (await shop.redis.cli('-n', database, '--raw', 'LRANGE', `row:${id}`, '0', '-1')).trim()
    return text === '' ? [] : text.split('\n').map(Number)
  }
  await shop.mysql.query(`INSERT INTO shop.rows VALUES ${Array.from({ length: ROWS }, (_, i) => `(${i}, 1)`).join()}`)
  for (let id = 0; id < ROWS; id++) {
    await eventually(`row ${id} is there`, async () => (await list('1', id)).length === 1)
  }
  expect(await targets('pause', 'nobody')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('BINGO_TARGET_NOT_PAUSED'),
  })
  expect(await targets('resume', target)).toMatchObject({ code: 1, stderr: expect.stringContaining('is not paused') })
  expect(await targets('pause', target)).toMatchObject({ code: 0, stdout: expect.stringContaining('is paused') })
  for (let i = 0; i < 20; i++) await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
  await eventually('the other rule has everything', async () => (await list('0', ROWS - 1)).at(-1) === 21)
  const labels = `{target="${target}",type="redis"}`
  await bingo.shows(`bingo_spool_events{target="${target}"}`, 20 * ROWS)
  await bingo.shows(`bingo_target_paused${labels}`, 1)
  const ready = await bingo.get('/readyz')
  expect([ready.status, ready.text]).toEqual([200, expect.stringContaining('BINGO_TARGET_PAUSED')])
  await bingo.stop('SIGKILL')
  bingo.spawn()
  await bingo.ready()
  await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
  await eventually('the other rule goes on', async () => (await list('0', 0)).at(-1) === 22)
  expect(await list('1', 0)).toEqual([1])
  expect((await targets('list')).stdout).toMatch(/\/1 +paused since/)
  expect(await targets('resume', target)).toMatchObject({ code: 0 })
  for (const id of [0, ROWS - 1]) {
    await eventually(`row ${id} is there`, async () => (await list('1', id)).at(-1) === 22)
    expect(await list('1', id)).toEqual(Array.from({ length: 22 }, (_, i) => i + 1))
  }
  await bingo.shows(`bingo_target_paused${labels}`, 0)
})
