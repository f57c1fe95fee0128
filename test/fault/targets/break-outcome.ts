import type { Outcome, ScenarioContext } from '../scenario.ts'
import type { BreakResult } from './break-run.ts'

/** The row of the table for one broken target; the whole result goes to the evidence. */
export async function outcomeOf(
  context: ScenarioContext,
  fault: string,
  result: BreakResult,
  problems: readonly string[] = [],
): Promise<Outcome> {
  const { verdict, deliveredBefore, deadLetters, secondsToResume, peakRssMb } = result
  await context.evidence.write('result.json', JSON.stringify(result, null, 1))
  return {
    fault,
    runs: 1,
    changes: result.changes,
    lost: verdict.lost.length,
    reordered: verdict.reordered.length,
    phantom: verdict.phantoms.length + verdict.changedIds.length,
    duplicates: verdict.duplicates,
    secondsToHeal: result.secondsToHeal,
    notes: [
      `broken after ${deliveredBefore.toLocaleString('en-US')}`,
      `takes again after ${secondsToResume.toFixed(1)} s`,
      `peak RSS ${Math.round(peakRssMb)} MB`,
    ].join(', '),
    problems: [
      ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters of a target that was only away`]),
      ...problems,
    ],
  }
}
