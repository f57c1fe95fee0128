import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bingo, ndjson } from './cli-process.ts'

let cwd: string
const ROW = {
  id: 'e-1',
  aggregate_id: 'order-17',
  event_type: 'order.placed',
  topic: 'orders',
  payload: { total: 1_200 },
}

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'bingo-explain-'))
  await writeFile(
    join(cwd, 'bingo.yaml'),
    `rules: rules.yaml
outbox: [{table: shop.outbox, to: {type: redis, url: "redis://cache:6379", cmd: RPUSH, key: "{{topic}}", value: "{{payload.total}}"}}]`,
  )
  await writeFile(
    join(cwd, 'rules.yaml'),
    `rules: [{id: big, on: "order.*", source: outbox, filter: "payload.total > 1000", actions: [{type: log}]}]`,
  )
})
afterAll(() => rm(cwd, { recursive: true }))

function explain(row: object, ...options: readonly string[]): ReturnType<typeof bingo> {
  const event = { id: 'uuid:7/0', op: 'insert', schema: 'shop', table: 'outbox', old: null, new: row }
  return bingo(['explain', '--config', 'bingo.yaml', ...options], { cwd, input: JSON.stringify(event) })
}

test('explain shows the event that a row of an outbox makes, and what rules do with it', async () => {
  const { code, stdout, stderr } = await explain(ROW)
  expect(stderr).toBe('')
  expect(code).toBe(0)
  expect(stdout).toContain('order.placed e-1')
  expect(stdout.replaceAll(/\s+/g, ' ')).toContain('outbox shop.outbox to matches')
  expect(stdout).toContain('big matches')
  const lines = ndjson((await explain(ROW, '--json')).stdout)
  expect(lines.map(({ event, ruleId, outcome }) => [event, ruleId, outcome])).toContainEqual(['e-1', 'big', 'match'])
})

test('explain tells why a row makes no event', async () => {
  const { stdout } = await explain({ ...ROW, topic: null })
  expect(stdout).toContain('BINGO_OUTBOX_ROW_INVALID the row of the outbox makes no event: topic: it is NULL or empty')
})
