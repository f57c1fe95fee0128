import type { ActionPlan } from '../model/action.ts'
import type { Change } from '../model/change.ts'
import type { EvaluationStage } from '../model/errors.ts'
import type { Rule } from '../model/rule.ts'
import { asEvaluationError } from './program/bound-rule.ts'
import type { MatchSink } from './program/program.ts'

/** Matches a change that is no row (a statement, a gap) against its rules. `heldBytes`: what it keeps in memory. */
export function matchStatement(change: Change, rules: readonly Rule[], heldBytes: number, sink: MatchSink): void {
  for (const rule of rules) {
    let passes: boolean
    try {
      passes = rule.filter === null || rule.filter.bind(change.table)(change)
    } catch (error) {
      const failure = { stage: 'filter' as const, error: asEvaluationError(error) }
      for (const action of rule.actions) sink.failed(action, change, failure, heldBytes)
      continue
    }
    if (!passes) continue
    sink.ruleMatched(rule, change)
    for (const action of rule.actions) act(action, change, heldBytes, sink)
  }
}

function act(action: ActionPlan, change: Change, heldBytes: number, sink: MatchSink): void {
  let payload: unknown
  let stage: EvaluationStage = 'when'
  try {
    if (action.when !== null && !action.when.bind(change.table)(change)) return
    stage = 'payload'
    payload = action.bind(change.table)(change)
  } catch (error) {
    sink.failed(action, change, { stage, error: asEvaluationError(error) }, heldBytes)
    return
  }
  sink.matched(action, change, payload, heldBytes, 'present')
}
