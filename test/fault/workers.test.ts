import { expect, test } from 'vitest'
import { inForm, pairs } from '../support/forms.ts'
import { runScenario } from './run.ts'
import { KINDS, STATES, workersKill } from './scenarios/workers-kill.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

// State in Redis is in test/integration/workers.test.ts, which kills as well.
test.each(pairs(KINDS, STATES))(
  'changes through %s, with the state in %s, arrive in order when a reader or a worker is killed',
  async (kind, state) => {
    const cycles = inForm({ short: 2, long: 8 })
    const { outcomes, problems } = await runScenario(workersKill(kind, state), { seed: SEED, cycles })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(50)
  },
)
