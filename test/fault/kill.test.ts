import { expect, test } from 'vitest'
import { runScenario } from './run.ts'
import { scenario as killRandom } from './scenarios/kill.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)
const CYCLES = Number(process.env['BINGO_FAULT_CYCLES'] ?? 8)

test(`${CYCLES} times kill -9 at random moments under load loses, reorders and invents nothing (seed ${SEED})`, async () => {
  const { outcomes, problems } = await runScenario(killRandom, { seed: SEED, cycles: CYCLES })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBeGreaterThan(CYCLES * 100)
})
