import { Evidence } from './evidence.ts'
import { problemsOf } from './scenario.ts'
import type { Outcome, Scenario, ScenarioOptions } from './scenario.ts'

export interface RunOptions extends ScenarioOptions {
  /** Keep the evidence of good runs as well, below this folder. */
  readonly keep?: string | undefined
  readonly progress?: (message: string) => void
}

export interface Run {
  readonly outcomes: readonly Outcome[]
  /** Empty when every promise was kept. */
  readonly problems: readonly string[]
}

/** Runs one scenario. A failed one says how to repeat it and where its evidence is. */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Run> {
  const { keep, progress = () => undefined, ...asked } = options
  const evidence = await Evidence.open(scenario.name, keep)
  const outcomes = await outcomesOf(scenario, { ...asked, evidence, progress })
  const problems = outcomes.flatMap((outcome) => problemsOf(outcome).map((what) => `${outcome.fault}: ${what}`))
  await evidence.write('outcome.json', JSON.stringify({ scenario: scenario.name, ...asked, outcomes }, null, 2))
  if (problems.length === 0) {
    if (keep === undefined) await evidence.discard()
    return { outcomes, problems }
  }
  const repeat = `npm run faults -- ${scenario.name} --seed ${options.seed}`
  return { outcomes, problems: [...problems, `evidence in ${evidence.folder}; repeat with: ${repeat}`] }
}

/** A run that could not be made is a failed one: nothing was shown. */
async function outcomesOf(scenario: Scenario, context: Parameters<Scenario['run']>[0]): Promise<readonly Outcome[]> {
  try {
    const result = await scenario.run(context)
    return Array.isArray(result) ? (result as readonly Outcome[]) : [result as Outcome]
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    await context.evidence.write('error.txt', reason)
    await context.evidence.logs()
    const nothing = { runs: 0, changes: 0, lost: 0, reordered: 0, phantom: 0, duplicates: 0, secondsToHeal: null }
    return [{ fault: scenario.name, ...nothing, problems: [reason.slice(0, 2_000)] }]
  }
}
