import type { Change } from '../model/event/change.ts'
import { rowKeyText } from '../model/event/row-key.ts'
import type { Rule } from '../model/rule/rule.ts'
import { jobKeyText } from '../model/rule/rule-key.ts'
import { partitionOf } from '../log/indexed/partition.ts'

/** The share that runs the rule for this change: that of the key it is ordered by. */
export function shareOf(rule: Rule, change: Change, shares: number): number {
  return partitionOf(isOfRow(change) ? jobKeyText(rule.key, change, false) : statementKey(change), shares)
}

/** The share of the key that the row had before, for the rule; the same where it has not changed. */
function previousShareOf(rule: Rule, change: Change, shares: number): number {
  if (!isOfRow(change) || change.op !== 'update') return shareOf(rule, change, shares)
  return partitionOf(jobKeyText(rule.key, change, true), shares)
}

export interface Route {
  /** Where the change goes, ascending. */
  readonly shares: readonly number[]
  /** Its order concerns all of them together: none goes on before the others have come to it and are done with it. */
  readonly meets: boolean
}

/**
 * Where a change goes that these rules want. An UPDATE that gives a row another key concerns what came under the old one,
 * and a TRUNCATE, DDL or gap concerns every row: those shares meet.
 */
export function routeOf(rules: readonly Rule[], change: Change, shares: number): Route {
  if (!isOfRow(change)) return { shares: Array.from({ length: shares }, (_, share) => share), meets: shares > 1 }
  const found = new Set<number>()
  let meets = false
  for (const rule of rules) {
    const present = shareOf(rule, change, shares)
    const previous = previousShareOf(rule, change, shares)
    found.add(present).add(previous)
    meets ||= present !== previous
  }
  return { shares: [...found].sort((a, b) => a - b), meets }
}

function isOfRow({ op }: Change): boolean {
  return op === 'insert' || op === 'update' || op === 'delete'
}

function statementKey({ table }: Change): string {
  return rowKeyText({ ...table, key: [] }, null, null)
}
