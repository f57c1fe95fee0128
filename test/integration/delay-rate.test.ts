import { writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'

const DELAY_MS = 3_000

const shop = useShopRows()

interface Entry {
  /** When Redis took it: the first part of a stream id is its clock. */
  readonly atMs: number
  readonly fields: readonly string[]
}

async function entries(stream: string): Promise<Entry[]> {
  const text = await shop.redis.cli('--json', 'XRANGE', stream, '-', '+')
  const found = JSON.parse(text) as [string, string[]][]
  return found.map(([id, fields]) => ({ atMs: Number(id.split('-')[0]), fields }))
}

test('a delay survives kill -9 and a clean stop, and is never shorter than configured', async () => {
  const rules = `rules:
  - id: later
    table: shop.rows
    delay: ${DELAY_MS}ms
    actions:
      - {type: redis, cmd: XADD, key: later, fields: {id: "{{id}}", ts: "{{event.ts}}"}}
`
  await using bingo = await shop.start(rules)
  await shop.mysql.query('INSERT INTO shop.rows VALUES (1, 1)')
  await eventually('it waits', async () => (await bingo.metric('bingo_delayed{rule="later"}')) === 1)
  await bingo.shows('bingo_in_flight_jobs', 0)
  await bingo.stop('SIGKILL')
  bingo.spawn()
  await bingo.ready()
  await shop.mysql.query('INSERT INTO shop.rows VALUES (2, 1)')
  await eventually('it is read', async () => ((await bingo.metric('bingo_rows_matched_total')) ?? 0) >= 1)
  expect(await bingo.stop()).toBe(0)
  bingo.spawn()
  await eventually('both are there', async () => (await shop.redis.cli('XLEN', 'later')).trim() >= '2')
  const arrived = await entries('later')
  expect([...new Set(arrived.map(({ fields }) => fields[1]))]).toEqual(['1', '2'])
  for (const { atMs, fields } of arrived) expect(atMs - Date.parse(fields[3]!)).toBeGreaterThanOrEqual(DELAY_MS)
})

test('an event that waits is delivered once after kill -9, although its binlog is gone', async () => {
  const rules = `rules:
  - id: purged
    table: shop.rows
    delay: 8s
    actions:
      - {type: redis, cmd: RPUSH, key: purged, value: "{{id}}"}
`
  await using bingo = await shop.start(rules)
  await shop.mysql.query('INSERT INTO shop.rows VALUES (1, 1)')
  await eventually('it waits', async () => (await bingo.metric('bingo_delayed{rule="purged"}')) === 1)
  await shop.mysql.query('FLUSH BINARY LOGS')
  const logs = (await shop.mysql.query('SHOW BINARY LOGS')) as readonly { readonly Log_name: string }[]
  const newest = logs.at(-1)!.Log_name
  await eventually('the checkpoint is behind it', async () => {
    const { text } = await bingo.get('/status')
    return (JSON.parse(text) as { checkpoint: { position: { file: string } } }).checkpoint.position.file === newest
  })
  await delay(1_000)
  await bingo.stop('SIGKILL')
  await shop.mysql.query(`PURGE BINARY LOGS TO '${newest}'`)
  bingo.spawn()
  await bingo.ready()
  await eventually('it is there', async () => (await shop.list('purged')).length > 0)
  expect(await shop.list('purged')).toEqual(['1'])
})

test('reloaded rules without delay and window first release what waits under the old rules', async () => {
  const rules = (waits: string) => `rules:
  - id: history
    table: shop.rows
    ${waits}
    actions:
      - {type: redis, cmd: RPUSH, key: "row:{{id}}", value: "{{new.seq}}"}
`
  await using bingo = await shop.start(rules('delay: 1h'))
  await shop.mysql.query('INSERT INTO shop.rows VALUES (1, 1), (2, 1)')
  await shop.mysql.query('UPDATE shop.rows SET seq = 2')
  await eventually('they wait', async () => (await bingo.metric('bingo_delayed{rule="history"}')) === 4)
  const arrived = (row: number) => shop.list(`row:${row}`)
  let seq = 2
  for (const [i, waits] of ['debounce: {window: 1h, maxWait: 1h}', 'enabled: true'].entries()) {
    await writeFile(bingo.rulesFile, rules(waits))
    await bingo.says({ msg: 'rules reloaded' }, i + 1)
    seq += 1
    await shop.mysql.query(`UPDATE shop.rows SET seq = ${seq}`)
  }
  for (const row of [1, 2]) {
    await eventually('the newest is there', async () => (await arrived(row)).at(-1) === String(seq))
    expect(await arrived(row)).toEqual(['1', '2', '3', '4'])
  }
})

test('a rate is kept over all lanes, in order, and `when` decides for each action', async () => {
  const rules = `rules:
  - id: paced
    table: shop.rows
    actions:
      - {type: redis, cmd: XADD, key: paced, rate: 100/s, fields: {id: "{{id}}", seq: "{{new.seq}}"}}
      - {type: redis, cmd: RPUSH, key: even, value: "{{new.seq}}", when: "new.seq % 2 == 0"}
`
  await using bingo = await shop.start(rules)
  const rows = 10
  const rounds = 12
  await shop.mysql.query(
    `INSERT INTO shop.rows VALUES ${Array.from({ length: rows }, (_, i) => `(${i + 1}, 1)`).join(',')}`,
  )
  for (let seq = 2; seq <= rounds; seq++) await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
  await eventually('all arrived', async () => (await entries('paced')).length === rows * rounds)
  const arrived = await entries('paced')
  // A tenth of a second's worth may go at once; the rest at the rate.
  expect(arrived.at(-1)!.atMs - arrived[0]!.atMs).toBeGreaterThanOrEqual(((rows * rounds - 10) / 100) * 900)
  for (let id = 1; id <= rows; id++) {
    const seqs = arrived.filter(({ fields }) => fields[1] === String(id)).map(({ fields }) => Number(fields[3]))
    expect(seqs).toEqual(Array.from({ length: rounds }, (_, i) => i + 1))
  }
  await eventually('all even ones arrived', async () => (await shop.list('even')).length >= (rows * rounds) / 2)
  await bingo.stop()
  const even = (await shop.list('even')).map(Number)
  expect(even).toHaveLength((rows * rounds) / 2)
  expect(even.every((seq) => seq % 2 === 0)).toBe(true)
})
