import { expect, test } from 'vitest'
import { inForm, shares } from '../support/forms.ts'
import { EVENT_FAILPOINTS } from './failpoints/names.ts'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'
import { cyclesOf } from './scenarios/events-kill.ts'

const scenarios = await allScenarios()

test.each(shares(EVENT_FAILPOINTS, ['events-kill', 'events-kill-mysql', 'events-kill-postgres']))(
  '%s: what was answered has its effect once or with the same id, in the order of the log',
  async (name, { first, cycles: points }) => {
    const scenario = scenarios.find((each) => each.name === name)!
    const cycles = cyclesOf(points, { killsServer: name !== 'events-kill' })
    const { outcomes, problems } = await runScenario(scenario, { seed: 1, cycles, first })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(cycles * 20)
  },
)

// One that is killed, and one that is paused.
test('three instances share the events of a MySQL: what one that is killed or paused leaves goes to the others', async () => {
  const scenario = scenarios.find(({ name }) => name === 'events-instances-mysql')!
  const cycles = inForm({ short: 2, long: 6 })
  const { problems } = await runScenario(scenario, { seed: 1, cycles, first: 1 })
  expect(problems).toEqual([])
})
