import type { ActionPlan } from '../core/action.ts'
import type { Change } from '../core/change.ts'
import type { EvaluationError } from '../core/errors.ts'
import type { Predicate, Rule } from '../core/rule.ts'
import type { MatchSink } from './program.ts'

/** Matches a change that is no row (a statement, a gap) against its rules. `heldBytes`: what it keeps in memory. */
export function matchStatement(change: Change, rules: readonly Rule[], heldBytes: number, sink: MatchSink): void {
  for (const rule of rules) {
    if (!passes(rule.filter, rule.actions[0]!, change, heldBytes, sink)) continue
    sink.ruleMatched(rule, change)
    for (const action of rule.actions) {
      if (passes(action.when, action, change, heldBytes, sink)) act(action, change, heldBytes, sink)
    }
  }
}

/** Whether it passes a rule's filter or an action's `when`; a failed evaluation is told to the sink. */
function passes(
  predicate: Predicate | null,
  action: ActionPlan,
  change: Change,
  heldBytes: number,
  sink: MatchSink,
): boolean {
  if (predicate === null) return true
  try {
    return predicate.bind(change.table)(change)
  } catch (error) {
    sink.failed(action, change, error as EvaluationError, heldBytes)
    return false
  }
}

function act(action: ActionPlan, change: Change, heldBytes: number, sink: MatchSink): void {
  let payload: unknown
  try {
    payload = action.bind(change.table)(change)
  } catch (error) {
    sink.failed(action, change, error as EvaluationError, heldBytes)
    return
  }
  sink.matched(action, change, payload, heldBytes, 'present')
}
