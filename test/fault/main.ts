/**
 * `npm run faults`: breaks real servers on purpose and checks every run with one checker. `--help` tells the rest.
 * Needs nothing: servers are fetched and started as in the tests (Kafka: Java and Maven).
 */
import { parseArgs } from 'node:util'
import { allScenarios, select } from './registry.ts'
import { outcomeTable } from './report.ts'
import { runScenario } from './run.ts'
import type { RunOptions } from './run.ts'
import type { Outcome, Scenario } from './scenario.ts'

const HELP = `npm run faults -- [list | GROUP | SCENARIO | all] … [options]

Breaks real servers on purpose while a seeded writer commits, and checks what arrived: nothing lost, nothing out
of order, nothing that was not committed, duplicates only with the same id and only where something was replayed.

  list           the scenarios and their groups (kill, source, targets, standby, operations, resources, input, soak)
  all            every scenario but the soak

  --cycles N     how often a fault is repeated
  --changes N    row changes under way while something is broken
  --minutes N    length of the soak and of outages; of the fuzz, for each kind of input
  --seed N       the same seed makes the same writes and chooses the same moments (default: by the clock, printed)
  --keep DIR     keep histories, logs and checkpoints of every run there; those of a failed run are always kept
  --json         the table as JSON on stdout

Exit code 0 when every promise was kept, 1 when not, 2 for a wrong command line.`

const MAX_SEED = 1_000_000

const { values, positionals } = arguments_()
const scenarios = await allScenarios()
if (values.help || positionals.length === 0) {
  console.log(HELP)
} else if (positionals[0] === 'list') {
  for (const { group, name, doc } of scenarios) console.log(`${group.padEnd(11)} ${name.padEnd(28)} ${doc}`)
} else {
  process.exitCode = await runAll(chosen(scenarios, positionals))
}

function arguments_() {
  const number = { type: 'string' } as const
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        cycles: number,
        changes: number,
        minutes: number,
        seed: number,
        keep: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
  } catch (error) {
    return usage(error)
  }
}

function chosen(all: readonly Scenario[], words: readonly string[]): readonly Scenario[] {
  try {
    return select(all, words)
  } catch (error) {
    return usage(error)
  }
}

function usage(error: unknown): never {
  console.error((error as Error).message)
  process.exit(2)
}

function whole(name: 'cycles' | 'changes' | 'minutes' | 'seed'): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) usage(new Error(`--${name} ${text} is not a number`))
  return value
}

async function runAll(wanted: readonly Scenario[]): Promise<number> {
  const seed = whole('seed') ?? Date.now() % MAX_SEED
  const options: Omit<RunOptions, 'progress'> = {
    seed,
    cycles: whole('cycles'),
    changes: whole('changes'),
    minutes: whole('minutes'),
    keep: values.keep,
  }
  const outcomes: Outcome[] = []
  const problems: string[] = []
  for (const scenario of wanted) {
    console.error(`== ${scenario.name} (seed ${seed}): ${scenario.doc}`)
    const progress = (message: string): void => console.error(`   ${scenario.name}: ${message}`)
    const run = await runScenario(scenario, { ...options, progress })
    outcomes.push(...run.outcomes)
    problems.push(...run.problems)
  }
  console.log(values.json ? JSON.stringify({ seed, outcomes, problems }, null, 2) : outcomeTable(outcomes))
  for (const problem of problems) console.error(problem)
  return problems.length === 0 ? 0 : 1
}
