import { runFuzz } from '../../fuzz/run.ts'
import type { FuzzRun } from '../../fuzz/run.ts'
import { SUBJECTS } from '../../fuzz/subjects/all.ts'
import type { Outcome, Scenario, ScenarioContext } from '../scenario.ts'

const MINUTES = 1
/** Between two looks at the clock. */
const ROUND_CASES = 500

async function run({ seed, minutes, evidence, progress }: ScenarioContext): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const { name } of SUBJECTS) {
    const { cases, findings } = await fuzzFor(name, seed, (minutes ?? MINUTES) * 60_000)
    progress(`${name}: ${cases} inputs, ${findings.length} findings`)
    if (findings.length > 0) await evidence.write(`${name}.json`, JSON.stringify(findings, null, 2))
    outcomes.push({
      fault: `hostile ${name}`,
      runs: cases,
      changes: 0,
      lost: 0,
      reordered: 0,
      phantom: 0,
      duplicates: 0,
      secondsToHeal: null,
      problems: findings.map(
        ({ seed: round, number, what }) => `seed ${round}, case ${number}: ${what.split('\n')[0]}`,
      ),
    })
  }
  return outcomes
}

/** Rounds with a seed of their own each, until the time is over or something is found. */
async function fuzzFor(subject: string, seed: number, lengthMs: number): Promise<FuzzRun> {
  const end = performance.now() + lengthMs
  let cases = 0
  for (let round = seed; ; round++) {
    const { cases: tried, findings } = await runFuzz({ subject, seed: round, cases: ROUND_CASES })
    cases += tried
    if (findings.length > 0 || performance.now() >= end) return { cases, findings }
  }
}

export const scenario: Scenario = {
  name: 'fuzz',
  group: 'input',
  doc: 'binlog bytes, rules, configuration, templates, filters, SQL text that are damaged or hostile: no crash, hang or execution',
  run,
}
