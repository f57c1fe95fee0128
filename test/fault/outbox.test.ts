import { expect, test } from 'vitest'
import { inForm } from '../support/forms.ts'
import { runScenario } from './run.ts'
import { scenarios } from './scenarios/outbox-kill.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

/** Each server, engine and end of a row. */
const short = scenarios.filter(({ name }) => name !== 'outbox-kill-mysql-blackhole')

test.each(inForm({ short, long: scenarios }))(
  'orders and their published events are the same after kills of everything: $name',
  async (scenario) => {
    const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles: inForm({ short: 1, long: 5 }) })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(20)
  },
)
