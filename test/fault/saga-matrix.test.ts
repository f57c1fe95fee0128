import { expect, test } from 'vitest'
import { inForm, shares } from '../support/forms.ts'
import { SAGA_FAILPOINTS } from './failpoints/names.ts'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'
import { STORIES } from './sagas/stories.ts'

const scenarios = await allScenarios()
const named = (name: string) => scenarios.find((each) => each.name === name)!

/** Databases as the store: npm run faults -- saga-matrix-mysql, and so on. */
test.each(shares(SAGA_FAILPOINTS, ['saga-matrix', 'saga-matrix-nats', 'saga-matrix-kafka']))(
  '%s: sagas that go wrong in every way end as they should over kills before and after everything that is done',
  async (name, share) => {
    const { outcomes, problems } = await runScenario(named(name), { seed: 1, ...share })
    expect(problems).toEqual([])
    expect(outcomes[0]).toMatchObject({ changes: share.cycles * STORIES.length, lost: 0 })
  },
)

test('instances go on by the definition that they began with, when it is edited and removed', async () => {
  const changes = inForm({ short: 5, long: 20 })
  const { outcomes, problems } = await runScenario(named('saga-definitions'), { seed: 1, changes })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ changes: changes * 2, lost: 0 })
})

test('sagas end as they should while the clock is set, and over restarts with another time', async () => {
  const { outcomes, problems } = await runScenario(named('saga-clock'), {
    seed: 1,
    cycles: inForm({ short: 4, long: 6 }),
  })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ lost: 0 })
})

test('a leader that wakes up behind its successor sends no command of a saga', async () => {
  const { outcomes, problems } = await runScenario(named('saga-paused'), {
    seed: 1,
    cycles: inForm({ short: 1, long: 3 }),
  })
  expect(problems).toEqual([])
  expect(outcomes[0]).toMatchObject({ lost: 0 })
})
