import { expect, test } from 'vitest'
import { runScenario } from './run.ts'
import { scenarios as line } from './scenarios/source-network.ts'
import { scenarios as server } from './scenarios/source-server.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

// The long forms, and those of the other server: npm run faults -- source.
test.each([
  ['source-line-all', undefined],
  ['source-restart-kill-mariadb', 1],
  ['source-logins-mariadb', 5],
])(`%s loses, reorders and invents nothing (seed ${SEED})`, async (name, cycles) => {
  const scenario = [...line, ...server].find((each) => each.name === name)!
  const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles })
  expect(problems).toEqual([])
  expect(outcomes[0]!.changes).toBeGreaterThan(300)
})
