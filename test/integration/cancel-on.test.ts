import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'

const shop = useShopRows()

beforeAll(() => shop.mysql.query('CREATE TABLE shop.orders (id INT PRIMARY KEY, status VARCHAR(10) NOT NULL)'))
beforeEach(() => shop.mysql.query('DELETE FROM shop.orders'))

const rules = (delayed: string): string => `rules:
  - id: remind
    table: shop.orders
    events: INSERT
    delay: ${delayed}
    cancelOn: {events: [UPDATE, DELETE], filter: "op == 'delete' || new.status == 'paid'"}
    actions:
      - {type: redis, cmd: RPUSH, key: reminded, value: "{{id}}"}
      - {type: redis, cmd: RPUSH, key: twice, value: "{{id}}"}
  - id: seen
    table: shop.orders
    actions: [{type: redis, cmd: RPUSH, key: seen, value: "{{op}} {{id}}"}]
`

const waiting = (bingo: Awaited<ReturnType<typeof shop.start>>) => bingo.metric('bingo_delayed{rule="remind"}')

test('what is paid, deleted or rolled back in time is not reminded of; everything else is, once', async () => {
  await using bingo = await shop.start(rules('4s'))
  await shop.mysql.query("INSERT INTO shop.orders VALUES (1, 'new'), (2, 'new'), (3, 'new'), (4, 'new'), (5, 'new')")
  await eventually('they wait', async () => (await waiting(bingo)) === 10)
  await shop.mysql.query("UPDATE shop.orders SET status = 'paid' WHERE id = 2")
  await shop.mysql.query('DELETE FROM shop.orders WHERE id = 3')
  await shop.mysql.query("UPDATE shop.orders SET status = 'seen' WHERE id = 4")
  // In one transaction: gone, and placed again.
  await shop.mysql.query(
    "BEGIN; DELETE FROM shop.orders WHERE id = 5; INSERT INTO shop.orders VALUES (5, 'new'); COMMIT",
  )
  // Placed and paid before anything is written.
  await shop.mysql.query(
    "BEGIN; INSERT INTO shop.orders VALUES (6, 'new'); UPDATE shop.orders SET status = 'paid' WHERE id = 6; COMMIT",
  )
  await shop.mysql.query("INSERT INTO shop.orders VALUES (7, 'new')")
  for (const key of ['reminded', 'twice']) {
    await eventually(`all are ${key}`, async () => (await shop.list(key)).length >= 4)
  }
  expect((await shop.list('reminded')).toSorted()).toEqual(['1', '4', '5', '7'])
  expect((await shop.list('twice')).toSorted()).toEqual(['1', '4', '5', '7'])
  await eventually('none waits', async () => ((await waiting(bingo)) ?? 0) === 0)
})

test('what was paid while the daemon was down is not reminded of, although it was due before that could be read', async () => {
  await using bingo = await shop.start(rules('8s'))
  await shop.mysql.query("INSERT INTO shop.orders VALUES (11, 'new'), (12, 'new')")
  await eventually('they wait', async () => (await waiting(bingo)) === 4)
  await bingo.stop('SIGKILL')
  await shop.mysql.query("UPDATE shop.orders SET status = 'paid' WHERE id = 11")
  await shop.mysql.query("INSERT INTO shop.orders VALUES (13, 'new'), (14, 'new')")
  await shop.mysql.query("UPDATE shop.orders SET status = 'paid' WHERE id = 14")
  // Longer than the delay, which has to outlast what was done before the kill on a busy machine.
  await delay(8_500)
  bingo.spawn()
  for (const key of ['reminded', 'twice']) {
    await eventually(`all are ${key}`, async () => (await shop.list(key)).length >= 2)
  }
  expect((await shop.list('reminded')).toSorted()).toEqual(['12', '13'])
})
