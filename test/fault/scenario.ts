import type { Evidence } from './evidence.ts'

export const GROUPS = ['kill', 'source', 'targets', 'standby', 'operations', 'resources', 'input', 'soak'] as const
export type Group = (typeof GROUPS)[number]

/** One fault (or a family of them) on real servers. A file of test/fault/scenarios exports one or several. */
export interface Scenario {
  /** As given on the command line and printed in the table. */
  readonly name: string
  readonly group: Group
  /** One line: what is broken, and what has to hold. */
  readonly doc: string
  /**
   * Starts what it needs, breaks it, and judges. Rejects only when the run itself could not be made. With `await using`,
   * `return await`: what is returned must be settled before the servers go.
   */
  run(context: ScenarioContext): Promise<Outcome | readonly Outcome[]>
}

/** What the command line (or a short test) asks for. Undefined: the scenario's own default. */
export interface ScenarioOptions {
  /** The same seed makes the same writes and chooses the same moments. */
  readonly seed: number
  /** How often the fault is repeated. */
  readonly cycles?: number | undefined
  /** Where to begin in the list of the moments that a scenario kills at. Default: 0. */
  readonly first?: number | undefined
  /** Row changes under way while something is broken. */
  readonly changes?: number | undefined
  /** Length of a run that has no natural end. */
  readonly minutes?: number | undefined
}

export interface ScenarioContext extends ScenarioOptions {
  /** What a run that fails leaves behind. */
  readonly evidence: Evidence
  /** A line for whoever watches. */
  readonly progress: (message: string) => void
}

/** One row of the table. Counts are of single row changes. */
export interface Outcome {
  readonly fault: string
  /** Times that the fault was made. */
  readonly runs: number
  /** Committed row changes that had to arrive. */
  readonly changes: number
  readonly lost: number
  /** Arrived for the first time behind a later change of its row. */
  readonly reordered: number
  /** Delivered without having been committed, or under another id than before. */
  readonly phantom: number
  /** Repeated deliveries with the same id: allowed in a replayed window. */
  readonly duplicates: number
  /** Repeated deliveries that no crash or lost answer explains: an error. */
  readonly strayDuplicates?: number
  /** From the end of the writes, with nothing broken any more, until all of them had arrived; null: not measured. */
  readonly secondsToHeal: number | null
  /** Figures worth knowing (memory, exit codes). */
  readonly notes?: string
  /** What else should have held and did not; each one fails the run. */
  readonly problems?: readonly string[]
}

/** Why an outcome breaks the promises; empty when it keeps them. */
export function problemsOf(outcome: Outcome): readonly string[] {
  const counts = {
    lost: outcome.lost,
    reordered: outcome.reordered,
    phantom: outcome.phantom,
    'duplicated without a reason': outcome.strayDuplicates ?? 0,
  }
  const broken = Object.entries(counts).filter(([, count]) => count > 0)
  return [...broken.map(([what, count]) => `${count} ${what}`), ...(outcome.problems ?? [])]
}
