import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { runCli } from '../../../../src/cli/program.ts'

const CONFIG = ['--config', 'examples/sagas/bingo.yaml']
const TESTS = 'examples/sagas/tests'
let folder: string
let printed: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bingo-saga-tests-'))
  for (const name of ['ORDER', 'STOCK', 'PAYMENT']) vi.stubEnv(`${name}_URL`, `http://${name.toLowerCase()}`)
  vi.stubEnv('STATE_FOLDER', folder)
  vi.stubEnv('MYSQL_URL', 'mysql://root@127.0.0.1:1')
  const keep = (chunk: unknown): boolean => {
    printed += String(chunk)
    return true
  }
  vi.spyOn(process.stdout, 'write').mockImplementation(keep)
  vi.spyOn(process.stderr, 'write').mockImplementation(keep)
  return () => rm(folder, { recursive: true, force: true })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

async function bingo(...args: string[]): Promise<readonly [code: number, printed: string]> {
  printed = ''
  return [await runCli(['node', 'bingo', ...args, ...CONFIG]), printed]
}

async function tested(given: string, saga = 'order_fulfilment'): Promise<readonly [code: number, printed: string]> {
  const file = join(folder, 'tests.yaml')
  await writeFile(file, `tests:\n  - saga: ${saga}\n    given:\n${given}`)
  return bingo('test', file)
}

const EVENT =
  '      - event: {type: orders.order.create, payload: {orderId: o-1, item: coffee, amount: 2, customer: alice, total: 150}}\n'

test('The example is checked, and passes its tests', async () => {
  expect(await bingo('check')).toEqual([0, expect.stringContaining('0 rules and 1 saga in 1 file')])
  expect(await bingo('test', TESTS)).toEqual([0, expect.stringContaining('3 passed, 0 failed')])
})

test('The example is drawn, and an unknown saga is an error with those that there are', async () => {
  expect(await bingo('sagas', 'graph', 'order_fulfilment')).toEqual([0, expect.stringMatching(/^flowchart TD\n/)])
  expect(await bingo('sagas', 'graph', 'order')).toEqual([1, expect.stringContaining('There are order_fulfilment.')])
})

test('An event is explained by the instance that it starts and what is sent first, or by the step that it confirms', async () => {
  const file = join(folder, 'event.json')
  const payload = { orderId: 'o-1', item: 'coffee', amount: 2, customer: 'alice', total: 150 }
  await writeFile(file, JSON.stringify({ type: 'orders.order.create', payload }))
  const [code, started] = await bingo('explain', '--event', file)
  expect(code).toBe(0)
  expect(started).toContain('→ starts order_fulfilment o-1, unless it has started before')
  expect(started).toMatch(/→ place: webhook \S+ \{"method":"POST","url":".*o-1/)
  const row = { op: 'insert', table: 'reservations', schema: 'stock_service', new: { order_id: 'o-1' } }
  await writeFile(file, JSON.stringify(row))
  expect((await bingo('explain', '--event', file))[1]).toContain('→ confirms the step reserve of order_fulfilment o-1')
})

test.each([
  ['a command that is not sent', `${EVENT}        expect: reserve\n`, 'expected reserve, got place'],
  ['a command that nobody expected', `${EVENT}        expect: []\n`, 'place is sent, but not expected'],
  [
    'other content',
    `${EVENT}        expect: {place: {body: {order: o-2}}}\n`,
    'place body.order: expected "o-2", got "o-1"',
  ],
  ['another status', `${EVENT}        status: completed\n`, 'expected status completed, got running'],
  [
    'an answer that nobody waits for',
    `${EVENT}      - answer: {charge: done}\n`,
    'no command "charge" waits for an answer',
  ],
  [
    'an operator who is refused',
    `${EVENT}      - {skip: charge}\n      - {complete: true}\n      - {retry: true}\n`,
    'retry is refused',
  ],
  [
    'a time that passes',
    `${EVENT}      - after: 8s\n        status: running\n`,
    'expected status running, got compensating (BINGO_SAGA_TIMEOUT',
  ],
])('A test of a saga fails for %s', async (_what, given, message) => {
  expect(await tested(given)).toEqual([1, expect.stringContaining(message)])
})

test.each([
  ['- evnt: {}', '4:9 error BINGO_TEST_INVALID "evnt" is not a valid key of an entry of given'],
  ['- {after: soon}', '4:17 error BINGO_TEST_INVALID "after" must be a duration'],
  ['- {after: 1s, expect: chrge}', 'has no step "chrge"'],
  ['- {after: 1s, expect: undo chrge}', 'did you mean "charge"?'],
  ['- {answer: {charge: maybe}}', 'the answer of "charge" must be done, refused, failed, down'],
  ['- {after: 1s, status: done}', '"done" is not a status of an instance'],
  ['- {complete: charge}', 'write complete: true'],
  ['- {after: 1s, retry: true}', 'needs exactly one of event'],
])('A test of a saga that says %s is refused with its place', async (given, message) => {
  expect(await tested(`      ${given}\n`)).toEqual([1, expect.stringContaining(message)])
})

test('A test of a saga that does not exist is refused, with the one that may be meant', async () => {
  expect(await tested(EVENT, 'order_fulfillment')).toEqual([
    1,
    expect.stringContaining('did you mean "order_fulfilment"?'),
  ])
})
