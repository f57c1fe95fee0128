import { expect, test } from 'vitest'
import { StoredSwitches, SwitchedTarget } from '../../../src/app/rule-switches.ts'
import { systemClock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { DeliveryFailure, Sendable, Target } from '../../../src/model/rule/action.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import { rulesFrom } from '../../support/rules-from-text.ts'
import { recordingLog, type LogLine } from '../../support/recording-source.ts'

const RULES = rulesFrom(`rules:
  - {id: one, table: shop.users, actions: [{type: log}]}
  - {id: two, table: shop.users, actions: [{type: log}]}
`)

function setup(state = new MemoryStateStore()) {
  const lines: LogLine[] = []
  const ruleSet = { rules: RULES, files: [] }
  let changes = 0
  const switches = new StoredSwitches({
    name: 'shop',
    state,
    clock: systemClock,
    log: recordingLog(lines),
    rules: () => ruleSet,
    changed: () => (changes += 1),
  })
  const inForce = () => switches.enabledOf(ruleSet).rules.map(({ id }) => id)
  return { state, switches, lines, inForce, changes: () => changes }
}

test('a rule that was disabled is not in force, also after a restart, and the log says who did it', async () => {
  const { switches, inForce, state, lines, changes } = setup()
  await switches.load()
  expect(inForce()).toEqual(['one', 'two'])
  expect(await switches.set('one', false, 'ops')).toMatchObject({ id: 'one', enabled: false, disabledBy: 'ops' })
  expect(inForce()).toEqual(['two'])
  expect(lines).toMatchObject([{ level: 'warn', fields: { code: 'BINGO_RULE_DISABLED', rule: 'one', by: 'ops' } }])
  const again = setup(state)
  await again.switches.load()
  expect(again.inForce()).toEqual(['two'])
  expect(await again.switches.set('one', true, 'ops')).toMatchObject({ enabled: true, disabledAt: null })
  expect(again.inForce()).toEqual(['one', 'two'])
  expect([changes(), again.changes()]).toEqual([1, 1])
})

test('a rule that does not exist cannot be switched; one that is as asked for stays as it is', async () => {
  const { switches, changes, lines } = setup()
  expect(await switches.set('none', false, 'ops')).toBeNull()
  expect(await switches.set('one', true, 'ops')).toMatchObject({ enabled: true })
  expect([changes(), lines.length]).toEqual([0, 0])
})

test('switches that come at once are done one after the other', async () => {
  const { switches, inForce } = setup()
  await Promise.all([switches.set('one', false, 'a'), switches.set('two', false, 'b'), switches.set('one', true, 'c')])
  expect(inForce()).toEqual(['one'])
})

test('what a disabled rule asked for before is left out, and known as skipped', async () => {
  const { switches } = setup()
  await switches.set('one', false, 'ops')
  const sent: Sendable[][] = []
  const failure: DeliveryFailure = { kind: 'poison', error: new BingoError('BINGO_X', 'x') }
  const inner: Target = {
    gather: 'all',
    maxBatch: 10,
    maxConcurrency: 1,
    send: async (jobs) => {
      sent.push([...jobs])
      return jobs.map(({ id }) => (id === 'bad' ? failure : null))
    },
    close: async () => undefined,
  }
  const job = (rule: number, id: string): Sendable => ({
    id,
    key: id,
    at: 0,
    payload: null,
    action: RULES[rule]!.actions[0]!,
  })
  const target = new SwitchedTarget(inner, switches)
  const jobs = [job(0, 'a'), job(1, 'b'), job(0, 'c'), job(1, 'bad')]
  expect(await target.send(jobs, AbortSignal.abort())).toEqual([null, null, null, failure])
  expect(sent.flat().map(({ id }) => id)).toEqual(['b', 'bad'])
  expect(jobs.map((each) => switches.skipped.has(each))).toEqual([true, false, true, false])
  sent.length = 0
  await target.send([job(0, 'd')], AbortSignal.abort())
  expect(sent).toEqual([])
})
