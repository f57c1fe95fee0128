import { expect, test } from 'vitest'
import { runScenario } from './run.ts'
import { scenarios } from './scenarios/source-failover.ts'

const SEED = Number(process.env['BINGO_FAULT_SEED'] ?? 1)

// The other two combinations: npm run faults -- source.
test.each(['source-failover-mysql-hosts', 'source-failover-mariadb-address'])(
  `%s: a failover by GTID under load loses, reorders and invents nothing (seed ${SEED})`,
  async (name) => {
    const scenario = scenarios.find((each) => each.name === name)!
    const { outcomes, problems } = await runScenario(scenario, { seed: SEED, cycles: 1 })
    expect(problems).toEqual([])
    expect(outcomes[0]!.changes).toBeGreaterThan(300)
  },
)
