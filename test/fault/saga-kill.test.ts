import { expect, test } from 'vitest'
import { runScenario } from './run.ts'
import { scenario } from './scenarios/saga-kill.ts'

/** The long form: npm run faults -- saga-kill. */
test('sagas whose services fail end by themselves over kills, and leave nothing done that should be undone', async () => {
  const { outcomes, problems } = await runScenario(scenario, { seed: 1, cycles: 2 })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBe(80)
})
