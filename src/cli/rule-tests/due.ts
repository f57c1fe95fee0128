import { Change } from '../../model/event/change.ts'
import type { Row } from '../../model/event/row.ts'
import type { Rule } from '../../model/rule/rule.ts'
import { explainRule, type Explanation } from '../../match/explain.ts'
import { withNewest } from '../../waiting/newest.ts'

/** What is wrong with `newest` of a test, and what would be right; undefined: nothing. */
export function whyNoNewest(newest: unknown, rule: Rule): readonly [message: string, hint: string] | undefined {
  if (typeof newest !== 'object' || Array.isArray(newest)) {
    return [
      '"newest" must be a map of columns, or null',
      'Write newest: {status: paid}, or newest: null for a deleted row.',
    ]
  }
  if (rule.recheck) return undefined
  return [`"newest" is for rules with recheck, and rule "${rule.id}" has none`, 'Remove newest, or set recheck: true.']
}

/** Explains a rule at the due time of a change that it matched, when the row has become `newest`; null: it is gone. */
export function explainDue(rule: Rule, change: Change, newest: Row | null): Explanation {
  const first = explainRule(rule, change)
  if (first.outcome !== 'match') return first
  const { table, transaction, seq } = change
  const row = change.new ?? change.old
  const later =
    newest === null
      ? new Change(table, 'delete', transaction, seq, row, null, null)
      : new Change(table, 'update', transaction, seq, row, { ...row, ...newest }, null)
  const due = withNewest(change, later)
  return due === null ? { ...first, outcome: 'no match', actions: [] } : explainRule(rule, due)
}
