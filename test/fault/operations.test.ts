import { expect, test } from 'vitest'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'

const scenarios = await allScenarios()

test.each([
  ['reload-broken', 'broken rules are refused under load, and the old ones go on'],
  ['sigterm-twice', 'a second SIGTERM ends a stop that hangs, and nothing is lost'],
])('%s: %s', async (name) => {
  const scenario = scenarios.find((each) => each.name === name)!
  const { outcomes, problems } = await runScenario(scenario, { seed: 1, cycles: 1 })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBeGreaterThan(50)
})
