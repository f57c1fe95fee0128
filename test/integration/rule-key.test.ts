import { expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'
import { WebhookReceiver } from '../support/webhook-receiver.ts'

const ROWS = 40
const GROUPS = [0, 1, 2, 3]
const REFUSED = 5

const shop = useShopRows()

test('a rule with a key keeps the order of each key over rows, and parks the key of what is refused', async () => {
  await using receiver = await WebhookReceiver.start()
  receiver.answer = (body) => ((JSON.parse(body) as { id: number }).id === REFUSED ? 422 : 204)
  const rules = `rules:
  - id: ordered
    table: shop.rows
    key: "{{new.seq}}"
    actions:
      - {type: redis, cmd: RPUSH, key: "group:{{seq}}", value: "{{op}} {{id}}"}
  - id: told
    table: shop.rows
    events: INSERT
    key: "{{new.seq}}"
    actions:
      - {type: webhook, url: "${receiver.url}", body: {id: "{{id}}", group: "{{seq}}"}}
`
  await using bingo = await shop.start(rules)
  const ids = Array.from({ length: ROWS }, (_, i) => i + 1)
  for (const id of ids) await shop.mysql.query(`INSERT INTO shop.rows VALUES (${id}, ${id % GROUPS.length})`)
  // Row 1 moves from its group to that of row 2, and leaves.
  await shop.mysql.query('UPDATE shop.rows SET seq = 2 WHERE id = 1')
  await shop.mysql.query('DELETE FROM shop.rows WHERE id = 1')
  const groupOf = (group: number): string[] =>
    ids.filter((id) => id % GROUPS.length === group).map((id) => `insert ${id}`)
  await eventually('the last is there', async () => (await shop.list('group:2')).at(-1) === 'delete 1')
  for (const group of GROUPS) {
    const moved = group === 2 ? ['update 1', 'delete 1'] : []
    await eventually('all are there', async () => (await shop.list(`group:${group}`)).length >= groupOf(group).length)
    expect(await shop.list(`group:${group}`)).toEqual([...groupOf(group), ...moved])
  }
  const refusedGroup = REFUSED % GROUPS.length
  const taken = (group: number): number[] =>
    receiver.requests
      .map(({ body }) => JSON.parse(body) as { id: number; group: number })
      .filter((each) => each.group === group)
      .map(({ id }) => id)
  const wanted = (group: number): number[] => ids.filter((id) => id % GROUPS.length === group)
  const parked = wanted(refusedGroup).filter((id) => id >= REFUSED).length
  await eventually('the rest of the key is parked', async () => {
    return ((await bingo.metric('bingo_dead_letters')) ?? 0) >= parked
  })
  for (const group of GROUPS) {
    const expected = group === refusedGroup ? wanted(group).filter((id) => id <= REFUSED) : wanted(group)
    await eventually('all were told', () => taken(group).length >= expected.length)
    expect(taken(group)).toEqual(expected)
  }
})
