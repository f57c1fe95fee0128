import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { bingo } from './cli-process.ts'

const RULES = `schemas:
  orders.order.create: {type: object, required: [id], properties: {id: {type: integer}, total: {type: number}, country: {enum: [DE, AT, CH]}}}
rules:
  - id: big
    on: "orders.*.create"
    source: [api, frontend]
    match: {payload: {country: [DE, AT], total: [{$gte: 100}]}}
    filter: "payload.total < 1000.0 && key != null"
    actions:
      - {type: redis, cmd: DEL, key: "order:{{payload.id}}"}
      - {type: event, event: {type: invoices.invoice.requested, key: "{{key}}", payload: {order: "{{payload.id}}"}}, deliverAfter: 5m}
  - id: rows
    table: shop.users
    actions: [{type: log}]
`
const EVENT = {
  type: 'orders.order.create',
  key: 'order-17',
  source: 'frontend',
  payload: { id: 17, country: 'DE', total: 250 },
}

let folder: string
let env: Record<string, string>

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-events-'))
  env = {
    BINGO_RULES: join(folder, 'rules.yaml'),
    BINGO_REDIS_URL: 'redis://127.0.0.1:1',
    BINGO_EVENTS_STORE: 'memory:',
  }
  await writeFile(join(folder, 'rules.yaml'), RULES)
  return () => rm(folder, { recursive: true, force: true })
})

async function write(name: string, content: unknown): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2))
  return path
}

test('explain shows what the rules make of an event in a file, as it is posted or with its options', async () => {
  for (const content of [EVENT, { event: EVENT, options: { deliverAfter: 5 } }]) {
    const { code, stdout } = await bingo(['explain', '--event', await write('event.json', content)], { env })
    expect(stdout).toContain('orders.order.create')
    expect(stdout).toContain('big matches')
    expect(stdout).toContain('✓ match payload.country: ["DE", "AT"]   is "DE"')
    expect(stdout).toContain('✓ payload.total < 1000.0   payload.total = 250')
    expect(stdout).toMatch(/→ redis \S+: \{"cmd":"DEL","key":"order:17"\}/)
    expect(stdout).toContain('invoices.invoice.requested')
    expect(stdout).toContain('rows does not match')
    expect(code).toBe(0)
  }
})

test('explain names the clause of a pattern that failed, the type, and the source', async () => {
  const lines = [
    { ...EVENT, payload: { id: 17, country: 'CH', total: 50 } },
    { ...EVENT, source: 'import' },
    { ...EVENT, type: 'orders.order.delete' },
  ]
  const { code, stdout } = await bingo(['explain', '--rule', 'big'], {
    env,
    input: lines.map((line) => JSON.stringify(line)).join('\n'),
  })
  expect(code).toBe(1)
  expect(stdout).toContain('✗ match payload.country: ["DE", "AT"]   is "CH"')
  expect(stdout).toContain('✗ match payload.total: [{$gte: 100}]   is 50')
  expect(stdout).toContain('✗ source: the rule is for api, frontend, and this is from import')
  expect(stdout).toContain('✗ on: the rule is for orders.*.create, and this is orders.order.delete')
})

test('explain --json has every clause', async () => {
  const { stdout } = await bingo(['explain', '--json', '--rule', 'big'], { env, input: JSON.stringify(EVENT) })
  expect(JSON.parse(stdout)).toMatchObject({
    ruleId: 'big',
    outcome: 'match',
    on: { type: { holds: true }, kind: { wanted: ['posted'] } },
    match: {
      clauses: [
        { path: 'payload.country', holds: true },
        { path: 'payload.total', holds: true, value: 250 },
      ],
    },
  })
})

test('explain refuses an event that its schema would refuse, and a field that no event has', async () => {
  const misfit = await bingo(['explain', '--event', await write('event.json', { ...EVENT, payload: { id: '17' } })], {
    env,
  })
  expect(misfit.code).toBe(1)
  expect(misfit.stderr).toContain('BINGO_EVENT_INVALID')
  expect(misfit.stderr).toContain('$.payload.id: must be integer')
  const unknown = await bingo(['explain', '--event', await write('event.json', { ...EVENT, paylod: 1 })], { env })
  expect(unknown.stderr).toContain('Did you mean "payload"?')
  const broken = await bingo(['explain', '--event', await write('event.json', '{"type":')], { env })
  expect(broken.stderr).toContain('event.json is not JSON')
})

test.each([
  ['explain', 'BINGO_EVENT_INVALID'],
  ['events publish --file', 'BINGO_EVENT_REFUSED'],
])('%s says so when it was given no event, from a file or from stdin', async (command, errorCode) => {
  const blank = await write('blank.ndjson', '\n \n')
  for (const [file, name] of [
    [blank, blank],
    ['-', 'stdin'],
  ] as const) {
    const { code, stdout, stderr } = await bingo([...command.split(' '), file], { env, input: '' })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(`${errorCode} ${name} holds no event`)
  }
})

test('posted events may stand in the files that bingo test runs', async () => {
  const tests = await write(
    'tests.yaml',
    `tests:
  - name: a big order
    rule: big
    event: {type: orders.order.create, key: order-17, payload: {id: 17, country: AT, total: 500}}
    expect: {redis: {key: "order:17"}, event: {type: invoices.invoice.requested, key: order-17, payload: {order: 17}, deliverAfter: 5m}}
  - name: a small one
    rule: big
    event: {type: orders.order.create, key: order-17, payload: {id: 17, country: AT, total: 5}}
    expect: no match
  - name: is not enough
    rule: big
    event: {type: orders.order.create, payload: {id: 17, country: CH, total: 500}}
    expect: match
  - name: misfit
    rule: big
    event: {type: orders.order.create, payload: {country: CH}}
    expect: no match
`,
  )
  const { code, stdout } = await bingo(['test', tests], { env })
  expect(code).toBe(1)
  expect(stdout).toContain('✓ a big order')
  expect(stdout).toContain('✓ a small one')
  expect(stdout).toContain('expected match, got no match (payload.country: ["DE", "AT"])')
  expect(stdout).toContain('$.payload.id: it is missing')
  expect(stdout).toContain('2 passed, 2 failed')
})

test('check finds what rules read of events that have no such thing', async () => {
  const rules = RULES.replace('country: [DE, AT]', 'country: [DE, AU]').replace('payload.total <', 'payload.totl <')
  await writeFile(join(folder, 'rules.yaml'), rules)
  const { stderr } = await bingo(['check'], { env })
  expect(stderr).toContain('rules.yaml:7:23 warning BINGO_RULE_UNKNOWN_FIELD payload.country never is "AU"')
  expect(stderr).toContain('did you mean payload.total?')
})
