import { problemsOf } from './scenario.ts'
import type { Outcome } from './scenario.ts'

const COLUMNS = ['fault', 'runs', 'changes', 'lost', 'reordered', 'phantom', 'duplicates', 'heals in', ''] as const

/** The table that every run ends with. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = [[...COLUMNS], ...outcomes.map(cells)]
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 || i === COLUMNS.length - 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd()
  return rows.map(line).join('\n')
}

function cells(outcome: Outcome): string[] {
  const { strayDuplicates: stray = 0, secondsToHeal } = outcome
  return [
    outcome.fault,
    count(outcome.runs),
    count(outcome.changes),
    count(outcome.lost),
    count(outcome.reordered),
    count(outcome.phantom),
    stray === 0 ? count(outcome.duplicates) : `${count(outcome.duplicates)} (${count(stray)} stray)`,
    secondsToHeal === null ? '' : `${secondsToHeal.toFixed(1)} s`,
    `${problemsOf(outcome).length > 0 ? 'FAILED ' : ''}${outcome.notes ?? ''}`,
  ]
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
