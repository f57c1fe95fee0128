import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'

const ROWS = 200
const UPDATES = 10

const shop = useShopRows()

const rules = (column: string): string => `rules:
  - id: renamed
    table: shop.rows
    filter: "new.${column} > 0"
    actions:
      - {type: redis, cmd: RPUSH, key: "renamed:{{id}}", value: "{{new.seq}} {{new.${column}}}"}
  - id: other
    table: shop.rows
    actions:
      - {type: redis, cmd: RPUSH, key: "other:{{id}}", value: "{{new.seq}}"}
`

test('thousands of changes behind a renamed column leave one line of log and no dead letters, survive kill -9, and are all acted on by the repaired rule', async () => {
  await using daemon = await shop.start(rules('vip'))
  await shop.mysql.query('ALTER TABLE shop.rows ADD COLUMN tier INT NOT NULL DEFAULT 1')
  try {
    const values = Array.from({ length: ROWS }, (_, i) => `(${i + 1}, 1, 1)`).join(',')
    await shop.mysql.query(`INSERT INTO shop.rows VALUES ${values}`)
    for (let i = 0; i < UPDATES; i++) await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
    const last = async (rule: string) => (await shop.list(`${rule}:${ROWS}`)).length
    await eventually('the other rule has everything', async () => (await last('other')) === UPDATES + 1)
    await daemon.shows('bingo_rule_suspended_events{rule="renamed"}', ROWS * (UPDATES + 1))
    const [line] = await daemon.says({ code: 'BINGO_RULE_SUSPENDED' })
    expect(line['at']).toMatch(/:\d+:\d+$/)
    expect(line['ddl']).toContain('ADD COLUMN tier')
    expect(await daemon.metric('bingo_dead_letters')).toBe(0)
    await daemon.shows('bingo_in_flight_jobs', 0)
    expect((await daemon.get('/readyz')).text).toContain('BINGO_RULE_SUSPENDED')
    await daemon.stop('SIGKILL')
    expect(daemon.said({ code: 'BINGO_RULE_SUSPENDED' })).toHaveLength(1)
    daemon.spawn()
    await daemon.ready()
    await writeFile(daemon.rulesFile, rules('tier'))
    await eventually('everything arrived', async () => (await last('renamed')) >= UPDATES + 1)
    const expected = Array.from({ length: UPDATES + 1 }, (_, i) => `${i + 1} 1`)
    for (const row of [1, 77, ROWS]) {
      await eventually(`row ${row}`, async () => (await shop.list(`renamed:${row}`)).length >= UPDATES + 1)
      expect(await shop.list(`renamed:${row}`)).toEqual(expected)
    }
    expect(await daemon.metric('bingo_dead_letters')).toBe(0)
  } finally {
    await shop.mysql.query('ALTER TABLE shop.rows DROP COLUMN tier')
  }
})
