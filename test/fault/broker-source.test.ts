import { expect, test } from 'vitest'
import { runScenario } from './run.ts'
import { scenarios } from './scenarios/broker-source-kill.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

/** The long form: npm run faults -- broker-source-kill-kafka, and so on. */
test.each(scenarios)(
  'what others publish arrives in order while BinGo and the broker are killed: $name',
  async (scenario) => {
    const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles: 4 })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(50)
  },
)
