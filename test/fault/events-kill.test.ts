import { expect, test } from 'vitest'
import { EVENT_FAILPOINTS } from './failpoints/names.ts'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'

const scenarios = await allScenarios()

test.each([
  ['events-kill', EVENT_FAILPOINTS.length],
  ['events-kill-mysql', 3],
  ['events-kill-postgres', 3],
])(
  '%s: what was answered has its effect once or with the same id, in the order of the log (%i kills)',
  async (name, cycles) => {
    const scenario = scenarios.find((each) => each.name === name)!
    const { outcomes, problems } = await runScenario(scenario, { seed: 1, cycles })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(cycles * 20)
  },
)

// One that is killed, and one that is paused.
test('three instances share the events of a MySQL: what one that is killed or paused leaves goes to the others', async () => {
  const scenario = scenarios.find(({ name }) => name === 'events-instances-mysql')!
  const { problems } = await runScenario(scenario, { seed: 1, cycles: 2, first: 1 })
  expect(problems).toEqual([])
})
