import { parseArgs } from 'node:util'
import { simulateShares } from './shares/simulate-shares.ts'
import { simulate } from './simulate.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    // With a log in the middle, whose shares move between workers.
    shares: { type: 'boolean', default: false },
  },
})
const from = Number(values.from)
const count = Number(values.seeds)
const begun = performance.now()
let changes = 0
let effects = 0
let crashes = 0
let broken = 0
for (let seed = from; seed < from + count; seed++) {
  try {
    const report = values.shares ? await simulateShares(seed) : await simulate(seed)
    changes += report.changes
    effects += report.effects
    crashes += report.crashes
  } catch (error) {
    broken += 1
    console.log(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`)
    if (broken === 20) break
  }
}
const seconds = ((performance.now() - begun) / 1_000).toFixed(1)
console.log(
  `${count} seeds in ${seconds} s: ${changes} changes, ${effects} effects, ${crashes} crashes and takeovers, ${broken} broken`,
)
process.exitCode = broken === 0 ? 0 : 1
