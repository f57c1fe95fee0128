import { expect, test } from 'vitest'
import { inForm } from '../support/forms.ts'
import { runScenario } from './run.ts'
import { scenarios } from './scenarios/broker-source-kill.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

/** Of four, one is a kill of the broker, one a clean stop, and two are kills of BinGo. */
test.each(scenarios)(
  'what others publish arrives in order while BinGo and the broker are killed: $name',
  async (scenario) => {
    const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles: inForm({ short: 4, long: 20 }) })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(50)
  },
)
