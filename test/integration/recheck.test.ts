import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'

const shop = useShopRows()

beforeAll(() =>
  shop.mysql.query('CREATE TABLE shop.orders (id INT PRIMARY KEY, status VARCHAR(10) NOT NULL, total INT NOT NULL)'),
)
beforeEach(() => shop.mysql.query('TRUNCATE shop.orders'))

const rules = (delayed: string): string => `rules:
  - id: remind
    table: shop.orders
    events: INSERT
    filter: "new.status == 'new'"
    delay: ${delayed}
    recheck: true
    actions:
      - {type: redis, cmd: RPUSH, key: reminded, value: "{{id}} {{total}}"}
      - {type: redis, cmd: RPUSH, key: large, value: "{{id}}", when: "new.total > 10"}
  - id: seen
    table: shop.orders
    actions: [{type: redis, cmd: RPUSH, key: seen, value: "{{op}} {{id}} {{total}}"}]
`

const waiting = (bingo: Awaited<ReturnType<typeof shop.start>>) => bingo.metric('bingo_delayed{rule="remind"}')

test('what is due is asked again of the newest row: paid, deleted and truncated rows send nothing, others what they are by then', async () => {
  await using bingo = await shop.start(rules('5s'))
  await shop.mysql.query("INSERT INTO shop.orders VALUES (90, 'new', 20), (91, 'new', 20)")
  await eventually('they wait', async () => (await waiting(bingo)) === 4)
  await shop.mysql.query('TRUNCATE shop.orders')
  await shop.mysql.query(
    `INSERT INTO shop.orders VALUES ${[1, 2, 3, 4, 5, 6, 7].map((id) => `(${id}, 'new', 20)`).join(', ')}`,
  )
  await shop.mysql.query("UPDATE shop.orders SET status = 'paid' WHERE id = 2")
  await shop.mysql.query('DELETE FROM shop.orders WHERE id = 3')
  await shop.mysql.query('UPDATE shop.orders SET total = 5 WHERE id = 4')
  await shop.mysql.query('UPDATE shop.orders SET id = 50, total = 30 WHERE id = 5')
  await shop.mysql.query("BEGIN; UPDATE shop.orders SET status = 'paid' WHERE id = 6; ROLLBACK")
  // Paid, and not any more.
  await shop.mysql.query("UPDATE shop.orders SET status = 'paid' WHERE id = 7")
  await shop.mysql.query("UPDATE shop.orders SET status = 'new', total = 70 WHERE id = 7")
  // In one transaction, before anything is written.
  await shop.mysql.query(
    "BEGIN; INSERT INTO shop.orders VALUES (8, 'new', 20); UPDATE shop.orders SET total = 80 WHERE id = 8; COMMIT",
  )
  await shop.mysql.query("INSERT INTO shop.orders VALUES (9, 'new', 20)")
  await eventually('all are reminded', async () => (await shop.list('reminded')).length >= 6)
  await eventually('large ones, too', async () => (await shop.list('large')).length >= 5)
  expect((await shop.list('reminded')).toSorted()).toEqual(['1 20', '4 5', '6 20', '7 70', '8 80', '9 20'])
  expect((await shop.list('large')).toSorted()).toEqual(['1', '6', '7', '8', '9'])
  await eventually('none waits', async () => ((await waiting(bingo)) ?? 0) === 0)
})

test('the newest row survives kill -9, and what changed while the daemon was down counts', async () => {
  await using bingo = await shop.start(rules('8s'))
  await shop.mysql.query(
    `INSERT INTO shop.orders VALUES ${[11, 12, 13, 14].map((id) => `(${id}, 'new', 20)`).join(', ')}`,
  )
  await eventually('they wait', async () => (await waiting(bingo)) === 8)
  await shop.mysql.query("UPDATE shop.orders SET status = 'paid' WHERE id = 11")
  await shop.mysql.query('UPDATE shop.orders SET total = 120 WHERE id = 12')
  await eventually('the updates were read', async () => (await shop.list('seen')).includes('update 12 120'))
  await bingo.stop('SIGKILL')
  await shop.mysql.query('UPDATE shop.orders SET total = 130 WHERE id = 13')
  await shop.mysql.query('DELETE FROM shop.orders WHERE id = 14')
  // Everything is due before it can be read.
  await delay(9_000)
  bingo.spawn()
  await shop.mysql.query("INSERT INTO shop.orders VALUES (15, 'new', 20)")
  await eventually('all are reminded', async () => new Set(await shop.list('reminded')).size >= 3)
  expect([...new Set(await shop.list('reminded'))].toSorted()).toEqual(['12 120', '13 130', '15 20'])
})
