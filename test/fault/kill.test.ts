import { expect, test } from 'vitest'
import { inForm } from '../support/forms.ts'
import { runScenario } from './run.ts'
import { FAILPOINTS } from './failpoints/names.ts'
import { scenario as killFailpoints } from './scenarios/kill-failpoints.ts'
import { scenario as killRandom } from './scenarios/kill-random.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)
const CYCLES = Number(process.env['BINGO_FAULT_CYCLES'] ?? inForm({ short: 4, long: 20 }))

test(`${CYCLES} times kill -9 at random moments under load loses, reorders and invents nothing (seed ${SEED})`, async () => {
  const { outcomes, problems } = await runScenario(killRandom, { seed: SEED, cycles: CYCLES })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBeGreaterThan(CYCLES * 50)
})

test('kill -9 at each of the named moments loses, reorders and invents nothing', async () => {
  const { problems } = await runScenario(killFailpoints, {
    seed: SEED,
    cycles: FAILPOINTS.length * inForm({ short: 1, long: 2 }),
  })
  expect(problems).toEqual([])
})
