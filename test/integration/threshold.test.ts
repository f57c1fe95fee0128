import { expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'

const shop = useShopRows()

const RULES = `rules:
  - id: seen
    table: shop.rows
    actions: [{type: redis, cmd: RPUSH, key: seen, value: "{{id}}"}]
  - id: many
    table: shop.rows
    events: INSERT
    threshold: {count: 5, within: 1h, by: "{{new.seq}}", again: 1h}
    actions:
      - {type: redis, cmd: RPUSH, key: many, value: "{{threshold.count}} of {{threshold.by}}: {{id}}"}
      - {type: redis, cmd: RPUSH, key: events, value: "{{json event.id}}", when: "threshold.count == 6"}
  - id: much
    table: shop.rows
    events: INSERT
    threshold: {sum: "{{new.id}}", above: 20, within: 1h, again: 0}
    actions: [{type: redis, cmd: RPUSH, key: much, value: "{{threshold.sum}}"}]
`

test('a threshold counts over restarts: nothing is lost, and nothing counts twice', async () => {
  await using bingo = await shop.start(RULES)
  const insert = async (...ids: readonly number[]): Promise<void> => {
    for (const id of ids) await shop.mysql.query(`INSERT INTO shop.rows VALUES (${id}, ${id % 2})`)
    await eventually('they were read', async () => (await shop.list('seen')).includes(String(ids.at(-1))))
  }
  await insert(1, 2, 3)
  await bingo.stop('SIGKILL')
  bingo.spawn()
  await bingo.ready()
  await insert(4, 5, 6)
  expect(await bingo.stop()).toBe(0)
  bingo.spawn()
  await bingo.ready()
  await insert(7, 8, 9)
  await bingo.stop('SIGKILL')
  bingo.spawn()
  await bingo.ready()
  await insert(10, 11, 12, 13, 14)
  await eventually('both groups fire', async () => new Set(await shop.list('many')).size === 2)
  // A kill may have sent the last one twice, never another.
  expect(new Set(await shop.list('many'))).toEqual(new Set(['6 of 1: 11', '6 of 0: 12']))
  expect((await shop.list('events')).length).toBeGreaterThanOrEqual(2)
  const sums = [21, 28, 36, 45, 55, 66, 78, 91, 105].map(String)
  // Of rows with different keys, so in any order.
  await eventually('all sums are there', async () => new Set(await shop.list('much')).size === sums.length)
  expect(new Set(await shop.list('much'))).toEqual(new Set(sums))
})
