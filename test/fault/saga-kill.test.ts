import { expect, test } from 'vitest'
import { inForm } from '../support/forms.ts'
import { runScenario } from './run.ts'
import { scenario } from './scenarios/saga-kill.ts'

const CYCLES = inForm({ short: 2, long: 10 })

test('sagas whose services fail end by themselves over kills, and leave nothing done that should be undone', async () => {
  const { outcomes, problems } = await runScenario(scenario, { seed: 1, cycles: CYCLES })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBe(CYCLES * 40)
})
