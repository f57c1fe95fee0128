import { expect, test } from 'vitest'
import { runScenario } from './run.ts'
import { scenarios } from './scenarios/workers-kill.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

/** The long form: npm run faults -- workers-kill-redis, and so on. */
test.each(scenarios)('changes arrive in order when a reader or a worker is killed: $name', async (scenario) => {
  const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles: 2 })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBeGreaterThan(50)
})
