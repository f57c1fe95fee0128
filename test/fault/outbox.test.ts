import { expect, test } from 'vitest'
import { runScenario } from './run.ts'
import { scenarios } from './scenarios/outbox-kill.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

/** The long form: npm run faults -- outbox-kill-mysql, and so on. */
test.each(scenarios)(
  'orders and their published events are the same after kills of everything: $name',
  async (scenario) => {
    const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles: 1 })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(20)
  },
)
