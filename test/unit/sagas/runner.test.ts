import { describe, expect, it } from 'vitest'
import type { SagaInstance } from '../../../src/model/saga/instance.ts'
import { Random } from '../../simulation/random.ts'
import { sagaRules } from '../../support/sagas/rules.ts'
import { SagaSimulation, type Faults } from '../../support/sagas/simulation.ts'
import { inForm } from '../../support/forms.ts'

const HOOK = '{type: webhook, url: "http://127.0.0.1/"}'
const STEP = `action: ${HOOK}, compensate: ${HOOK}, retry: {attempts: 4, min: 100ms, max: 2s}`
const DEFINITION = sagaRules(`
sagas:
  - id: order
    on: orders.order.create
    key: "{{payload.orderId}}"
    deadline: 10m
    steps:
      - {id: a, ${STEP}, confirm: {on: a.done, key: "{{key}}"}, timeout: 60s}
      - parallel: [{id: b, ${STEP}}, {id: c, ${STEP}, timeout: 20s}]
      - {id: d, ${STEP}, when: "steps.b.output.id != ''"}
`).ruleSet.sagas![0]!
const SEEDS = inForm({ short: 16, long: 80 })
const STEPS = ['a', 'b', 'c', 'd']
const SAGAS = Array.from({ length: 12 }, (_, i) => `k${i}`)
const FAULTS: Faults = { call: 0.2, write: 0.1, death: 0.01 }
const HOUR = 3_600_000

function faultsOf({ services }: SagaSimulation, { key, status, steps }: SagaInstance): readonly string[] {
  return STEPS.flatMap((step) => {
    const { done = false, undone = false } = services.get(`order/${key}/${step}`) ?? {}
    const shown = `${key} is ${status}, ${step} is ${steps[step]!.status}`
    if (status === 'completed') return done && !undone ? [] : [`${shown} and not done`]
    return status === 'compensated' && (!done || undone) ? [] : [`${shown} and not undone`]
  })
}

describe('the sagas of a process that fails in every way', () => {
  it.each(Array.from({ length: SEEDS }, (_, seed) => seed))('end as they should (seed %i)', async (seed) => {
    const random = new Random(seed)
    const simulation = new SagaSimulation(DEFINITION, random, FAULTS)
    for (const key of SAGAS) simulation.start(key)
    for (let at = 2_000; at < 120_000; at += random.int(2_000, 30_000)) {
      await simulation.clock.run(() => false, at)
      const kind = random.int(0, 3)
      if (kind === 0) simulation.die()
      if (kind === 1) simulation.pause(random.int(100, 20_000))
      if (kind === 2) simulation.clock.wallOffsetMs += random.int(-30_000, 30_000)
    }
    simulation.faults = { call: 0, write: 0, death: 0 }
    const instances = await simulation.ended(SAGAS, HOUR)
    expect(simulation.problems).toEqual([])
    expect(
      instances.map(({ key, status }) => `${key} ${status}`).filter((each) => !/completed|compensated/.test(each)),
    ).toEqual([])
    expect(instances).toHaveLength(SAGAS.length)
    // What is still on its way may arrive after the end.
    await simulation.clock.run(() => false, 2 * HOUR)
    const after = await simulation.ended(SAGAS, 3 * HOUR)
    expect(after.flatMap((instance) => faultsOf(simulation, instance))).toEqual([])
  })

  it.each([1, 2, 3])('end in time after the clock was set back by a day at a restart (seed %i)', async (seed) => {
    // Every call fails, so that what waits for its next attempt is all that there is.
    const simulation = new SagaSimulation(DEFINITION, new Random(seed), { call: 1, write: 0, death: 0 })
    for (const key of SAGAS) simulation.start(key)
    let waiting = 0
    for (let at = 100; waiting < 3; at += 50) {
      await simulation.clock.run(() => false, at)
      const instances = await simulation.store.load(SAGAS.map((key) => ({ saga: 'order', key })))
      waiting = instances.filter((each) => each?.steps['a']!.sendAt !== null && each !== null).length
    }
    simulation.die()
    simulation.clock.wallOffsetMs -= 24 * HOUR
    simulation.faults = { call: 0, write: 0, death: 0 }
    const ended = await simulation.ended(SAGAS, HOUR)
    expect(ended.map(({ status }) => status).filter((each) => !/completed|compensated/.test(each))).toEqual([])
    expect(ended.flatMap((instance) => faultsOf(simulation, instance))).toEqual([])
  })

  it('complete without a single repetition when nothing fails', async () => {
    const simulation = new SagaSimulation(DEFINITION, new Random(1), { call: 0, write: 0, death: 0 })
    for (const key of SAGAS) simulation.start(key)
    const instances = await simulation.ended(SAGAS, HOUR)
    expect(new Set(instances.map(({ status }) => status))).toEqual(new Set(['completed']))
    expect(new Set(simulation.sends.values())).toEqual(new Set([1]))
    expect(simulation.sends.size).toBe(SAGAS.length * STEPS.length)
  })
})
