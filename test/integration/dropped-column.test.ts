import { writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { besides, eventually } from '../support/daemon.ts'
import { useShopRows } from '../support/shop-rows.ts'
import { bingo } from './cli-process.ts'

const ROWS = 5
/** Changes of each row while it has the column, while it has not, and after it has it again. */
const PHASE = 8
const LAST = 3 * PHASE

const shop = useShopRows()

/** `filtered` and `templated` name the column; `other` listens to the same table and does not. */
function rules(filter: string): string {
  return `rules:
  - id: filtered
    table: shop.rows
    filter: "${filter}"
    actions:
      - {type: redis, cmd: RPUSH, key: "filtered:{{id}}", value: "{{new.seq}}"}
      - {type: redis, cmd: RPUSH, key: "odd:{{id}}", value: "{{new.seq}}", when: "new.seq % 2 == 1"}
  - id: templated
    table: shop.rows
    onFailure: skip
    actions:
      - {type: redis, cmd: RPUSH, key: "templated:{{id}}", value: "{{new.seq}}:{{new.vip}}"}
  - id: other
    table: shop.rows
    actions:
      - {type: redis, cmd: RPUSH, key: "other:{{id}}", value: "{{new.seq}}"}
`
}

async function update(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await shop.mysql.query('UPDATE shop.rows SET seq = seq + 1')
}

/** The column is there for a phase, gone for one, and there again. */
async function change(): Promise<void> {
  const values = Array.from({ length: ROWS }, (_, i) => `(${i + 1}, 1, 1)`).join(',')
  await shop.mysql.query('ALTER TABLE shop.rows ADD COLUMN vip INT NOT NULL DEFAULT 1')
  await shop.mysql.query(`INSERT INTO shop.rows VALUES ${values}`)
  await update(PHASE - 1)
  await shop.mysql.query('ALTER TABLE shop.rows DROP COLUMN vip')
  await update(PHASE)
  await shop.mysql.query('ALTER TABLE shop.rows ADD COLUMN vip INT NOT NULL DEFAULT 1')
  await update(PHASE)
  await shop.mysql.query('ALTER TABLE shop.rows DROP COLUMN vip')
}

const from = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

async function seqs(rule: string, row: number): Promise<number[]> {
  return (await shop.list(`${rule}:${row}`)).map((text) => Number.parseInt(text, 10))
}

async function expectRows(rule: string, expected: readonly number[]): Promise<void> {
  for (const row of from(1, ROWS)) {
    const complete = async () => (await seqs(rule, row)).length >= expected.length
    await eventually(`${rule} of row ${row} is complete`, complete)
    expect([rule, row, await seqs(rule, row)]).toEqual([rule, row, expected])
  }
}

test('a column that is dropped in mid-stream: its rules’ events are kept, others flow, and a repaired filter decides', async () => {
  await using daemon = await shop.start(rules('new.vip > 0'))
  await change()
  await expectRows('other', from(1, LAST))
  // A parked row waits for its failed events; with `skip` it goes on without them.
  await expectRows('filtered', from(1, PHASE))
  await expectRows(
    'odd',
    from(1, PHASE).filter((seq) => seq % 2 === 1),
  )
  await expectRows('templated', [...from(1, PHASE), ...from(2 * PHASE + 1, LAST)])
  // The filter fails once for an event, and keeps an entry for each action; what came later is parked behind.
  const failed = ROWS * PHASE
  const kept = { filtered: failed * 2 + failed + (failed * 4) / PHASE, templated: failed, other: 0 }
  for (const [rule, letters] of Object.entries(kept)) {
    await daemon.shows(`bingo_rule_dead_letters_total{rule="${rule}"}`, letters)
    await daemon.shows(`bingo_rule_errors_total{rule="${rule}"}`, rule === 'other' ? 0 : failed)
  }

  const unrepaired = await bingo(['dead-letters', 'retry', '--rule', 'filtered'], { env: besides(daemon) })
  expect([unrepaired.code, unrepaired.stdout]).toEqual([1, `0 delivered, ${kept.filtered} remaining\n`])
  expect(unrepaired.stderr).toContain('BINGO_UNKNOWN_COLUMN')
  await writeFile(daemon.rulesFile, rules('new.seq != 10'))
  await daemon.says({ msg: 'rules reloaded' })
  await update(1)
  const repaired = await bingo(['dead-letters', 'retry', '--rule', 'filtered'], { env: besides(daemon) })
  // seq 10 matches no more: neither of its two actions.
  expect(repaired).toMatchObject({ code: 0, stderr: '' })
  expect(repaired.stdout).toMatch(/^\d+ delivered, \d+ no longer matched, 0 remaining\n$/)
  await expectRows(
    'filtered',
    from(1, LAST + 1).filter((seq) => seq !== 10),
  )
  await expectRows(
    'odd',
    from(1, LAST + 1).filter((seq) => seq % 2 === 1),
  )
  await daemon.shows('bingo_dead_letters', kept.templated + ROWS)
})
