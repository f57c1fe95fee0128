import { expect, it } from 'vitest'
import { BingoError } from '../../../src/model/errors.ts'
import type { Outcome, Target } from '../../../src/model/rule/action.ts'
import { SagaCounters } from '../../../src/model/saga/counters.ts'
import type { SagaStatus } from '../../../src/model/saga/instance.ts'
import { silentLog } from '../../../src/model/silent-log.ts'
import { SagaDefinitions } from '../../../src/sagas/definitions.ts'
import { SagaRunner } from '../../../src/sagas/runner.ts'
import { MemorySagaStore } from '../../../src/state/sagas/memory-store.ts'
import { Life, SimClock } from '../../simulation/sim-clock.ts'
import { commandsTo } from '../../support/sagas/commands.ts'
import { sagaEvent } from '../../support/sagas/plans.ts'
import { sagaRules } from '../../support/sagas/rules.ts'

const DO = '{type: webhook, url: "http://127.0.0.1:1001/"}'
const UNDO = '{type: webhook, url: "http://127.0.0.1:1002/", retry: {attempts: 3, min: 100ms, max: 2s}}'
const DEFINITION = sagaRules(`
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    steps:
      - {id: a, action: ${DO}, compensate: ${UNDO}}
      - {id: b, action: ${DO}, compensate: none}
`).ruleSet.sagas![0]!
const COUNT = 5_400
const KEYS = Array.from({ length: COUNT }, (_, i) => `k${i}`)

class Counters extends SagaCounters {
  compensated = 0

  override ended(saga: string, status: SagaStatus, ms: number): void {
    super.ended(saga, status, ms)
    if (status === 'compensated') this.compensated += 1
  }
}

it('undos beyond those that fit in memory wait for a paused target for as long as it takes, and no saga is stuck by that', async () => {
  const sim = new SimClock()
  const clock = sim.of(new Life())
  const sends = new Map<string, number>()
  const target: Target = {
    gather: 'lane',
    maxBatch: 1,
    maxConcurrency: 64,
    ask: async ({ id }): Promise<Outcome> => {
      sends.set(id, (sends.get(id) ?? 0) + 1)
      await clock.sleep(1)
      if (id.endsWith('/b/do')) return { kind: 'poison', error: new BingoError('BINGO_HTTP_STATUS', '422') }
      return { tag: 'done', value: null }
    },
    send: () => Promise.reject(new Error('it has ask')),
    close: () => Promise.resolve(),
  }
  const commands = commandsTo(async () => target, clock)
  const store = new MemorySagaStore()
  const definitions = new SagaDefinitions([DEFINITION])
  const counters = new Counters()
  const runner = new SagaRunner({ store, definitions, keepMs: 1e12, counters, clock, log: silentLog, commands })
  await runner.start((error) => {
    throw error
  })
  const { id: saga, version } = DEFINITION
  const event = sagaEvent()
  const begin = (key: string) => ({ saga, version, key, trigger: { tag: 'start' }, event }) as const
  const { target: undos } = DEFINITION.stages[0]![0]!.compensate!
  commands.setPaused(undos, 1)
  await runner.take(KEYS.map(begin))
  const all = async () => (await store.load(KEYS.map((key) => ({ saga, key })))).map((each) => each!)
  const within = (done: () => boolean, ms: number): Promise<boolean> => sim.run(done, sim.monotonicMs + ms)
  await within(() => false, 120_000)
  const waiting = await all()
  expect(new Set(waiting.map(({ status }) => status))).toEqual(new Set(['compensating']))
  expect(waiting.filter(({ steps }) => steps['a']!.undoAttempts === 0).length).toBeGreaterThan(0)
  expect(waiting.flatMap(({ steps }) => Object.values(steps)).filter(({ failures }) => failures > 0)).toEqual([])
  commands.setPaused(undos, 0)
  await within(() => counters.compensated === COUNT, 3_600_000)
  expect(counters.compensated).toBe(COUNT)
  expect(new Set(sends.values())).toEqual(new Set([1]))
  await runner.close(0)
})
