import { expect, test } from 'vitest'
import { allScenarios } from './registry.ts'
import { runScenario } from './run.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)
const scenarios = await allScenarios()

test.each([
  ['standby-killed-redis', 'a standby takes over from a leader that is killed under load'],
  ['standby-paused-mysql', 'a leader that was paused for too long is replaced, and stops when it wakes up'],
])('%s: %s', async (name) => {
  const scenario = scenarios.find((each) => each.name === name)!
  const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles: 1 })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBeGreaterThan(50)
})
