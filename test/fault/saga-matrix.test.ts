import { expect, test } from 'vitest'
import { SAGA_FAILPOINTS } from './failpoints/names.ts'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'
import { STORIES } from './sagas/stories.ts'

const scenarios = await allScenarios()
const named = (name: string) => scenarios.find((each) => each.name === name)!

/** The long form has each moment twice, and with other stores: npm run faults -- saga-matrix. */
test('sagas that go wrong in every way end as they should over a kill before and after everything that is done', async () => {
  const cycles = SAGA_FAILPOINTS.length
  const { outcomes, problems } = await runScenario(named('saga-matrix'), { seed: 1, cycles })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ changes: cycles * STORIES.length, lost: 0 })
})

test.each(['nats', 'kafka'])(
  'sagas whose events come through %s end as they should over kills before and after what is done',
  async (engine) => {
    const { outcomes, problems } = await runScenario(named(`saga-matrix-${engine}`), { seed: 1, cycles: 4 })
    expect(problems).toEqual([])
    expect(outcomes[0]).toMatchObject({ changes: 4 * STORIES.length, lost: 0 })
  },
)

test('instances go on by the definition that they began with, when it is edited and removed', async () => {
  const { outcomes, problems } = await runScenario(named('saga-definitions'), { seed: 1 })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ changes: 40, lost: 0 })
})

test('sagas end as they should while the clock is set, and over restarts with another time', async () => {
  const { outcomes, problems } = await runScenario(named('saga-clock'), { seed: 1 })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ lost: 0 })
})

test('a leader that wakes up behind its successor sends no command of a saga', async () => {
  const { outcomes, problems } = await runScenario(named('saga-paused'), { seed: 1, cycles: 1 })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ lost: 0 })
})
