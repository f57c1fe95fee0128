import { beforeEach, expect, test } from 'vitest'
import { DdlNotes } from '../../../src/flow/reading/ddl-notes.ts'
import { RuleGate } from '../../../src/flow/rule-gate.ts'
import type { Clock } from '../../../src/model/clock.ts'
import { InFlightJob } from '../../../src/model/delivery/in-flight-job.ts'
import { OUTBOX_ACTION } from '../../../src/model/rule/outbox-rule.ts'
import { EvaluationError } from '../../../src/model/errors.ts'
import type { Change } from '../../../src/model/event/change.ts'
import type { ActionPlan } from '../../../src/model/rule/rule.ts'
import type { RuleSet } from '../../../src/model/rule/rule-set.ts'
import type { SuspendedRule } from '../../../src/model/stats.ts'
import { Life, SimClock } from '../../simulation/sim-clock.ts'
import { action, change, CountingHold, silentLog } from '../../support/jobs.ts'
import { memoryLines, type MemoryLines } from '../../support/waiting.ts'

const EVENTS = 5

let time: SimClock
let waiting: MemoryLines
let gate: RuleGate
let routed: InFlightJob[]
let logged: object[]
let suspended: Map<string, SuspendedRule>
let holds: CountingHold[]

/** A rule whose template fails for the numbers that `breaks` names. */
function plan(version: string, breaks: (id: number) => boolean): ActionPlan {
  const bind = () => (each: Change) => {
    if (breaks(Number(each.new!['id']))) throw new EvaluationError('BINGO_TEST', 'no such column')
    return `sent ${Number(each.new!['id'])}`
  }
  return action({ bind }, { id: 'orders', version })
}

const rulesOf = (each: ActionPlan): RuleSet => ({ rules: [each.rule], files: [] })

beforeEach(() => {
  time = new SimClock()
  const clock: Clock = time.of(new Life())
  const first = plan('1', () => true)
  waiting = memoryLines(rulesOf(first), { clock })
  routed = []
  logged = []
  holds = []
  suspended = new Map()
  const ddls = new DdlNotes()
  ddls.note('shop', 'users', 'ALTER TABLE users RENAME COLUMN a TO b')
  const log = { ...silentLog, error: (fields: object) => logged.push(fields) }
  gate = new RuleGate(
    {
      clock,
      log,
      router: { route: (job) => void routed.push(job) },
      lines: waiting.lines,
      storedJobs: waiting.storedJobs,
      ddls,
      events: EVENTS,
      suspended,
      hasRoom: () => true,
      charge: () => undefined,
      unloaded: () => undefined,
    },
    rulesOf(first),
  )
})

function come(each: ActionPlan, id: number, fails: boolean): void {
  const failure = fails ? { stage: 'payload' as const, code: 'BINGO_TEST', message: 'no such column' } : null
  const hold = new CountingHold()
  holds.push(hold)
  const of = change('insert', null, { id, status: 1 }, id)
  gate.route(new InFlightJob(each, of, fails ? undefined : `sent ${id}`, 0, 100, hold, failure))
}

async function pass(ms: number): Promise<void> {
  await time.run(() => false, time.monotonicMs + ms)
}

function reload(each: ActionPlan): void {
  waiting.storedJobs.useRules(rulesOf(each))
  gate.useRules(rulesOf(each))
}

const sent = (): unknown[] =>
  routed.map(({ payload, change: { seq }, failure }) => (failure ? `failed ${seq}` : payload))

test('a few failures go on as before, ahead of the success that ends them', () => {
  const each = plan('1', () => false)
  come(each, 1, true)
  come(each, 2, true)
  expect(routed).toEqual([])
  come(each, 3, false)
  expect(sent()).toEqual(['failed 1', 'failed 2', 'sent 3'])
})

test('failures that nothing follows go on after a second', async () => {
  come(
    plan('1', () => false),
    1,
    true,
  )
  await pass(1_100)
  expect(sent()).toEqual(['failed 1'])
})

test('many failures in a row suspend the rule with one line of log, and let the checkpoint move', async () => {
  const each = plan('1', () => true)
  for (let id = 1; id <= 100; id++) come(each, id, true)
  come(each, 101, false)
  await pass(200)
  expect(routed).toEqual([])
  expect(holds.every(({ released }) => released === 1)).toBe(true)
  expect(logged).toMatchObject([
    {
      code: 'BINGO_RULE_SUSPENDED',
      rule: 'orders',
      at: 'rules.yaml:1:1',
      failure: 'BINGO_TEST',
      ddl: 'ALTER TABLE users RENAME COLUMN a TO b',
    },
  ])
  expect(suspended.get('orders')).toMatchObject({ code: 'BINGO_TEST' })
  expect((await waiting.store.lines())[0]).toMatchObject({ line: 'rule/orders', count: 101 })
})

test('a repaired rule gets everything in order, and what comes meanwhile behind it', async () => {
  for (let id = 1; id <= 300; id++)
    come(
      plan('1', () => true),
      id,
      true,
    )
  await pass(200)
  const repaired = plan('2', () => false)
  reload(repaired)
  come(repaired, 301, false)
  await pass(1_000)
  expect(sent()).toEqual(Array.from({ length: 301 }, (_, i) => `sent ${i + 1}`))
  expect(suspended.size).toBe(0)
  come(repaired, 302, false)
  expect(routed).toHaveLength(302)
})

test('a rule that is still wrong is suspended again, and loses nothing', async () => {
  for (let id = 1; id <= 50; id++)
    come(
      plan('1', () => true),
      id,
      true,
    )
  await pass(200)
  reload(plan('2', () => true))
  await pass(500)
  expect(routed).toEqual([])
  expect(suspended.size).toBe(1)
  reload(plan('3', (id) => id === 7))
  await pass(500)
  expect(sent()).toEqual(Array.from({ length: 50 }, (_, i) => (i === 6 ? 'failed 7' : `sent ${i + 1}`)))
})

test('rows of an outbox that make no event never suspend it: those that do are not seen here', () => {
  const rows = action({ type: OUTBOX_ACTION }, { id: 'outbox shop.outbox' })
  for (let id = 1; id <= 2 * EVENTS; id++) come(rows, id, true)
  expect(sent()).toHaveLength(2 * EVENTS)
  expect(suspended.size).toBe(0)
})
