import { withFacts } from '../model/event/change.ts'
import type { Change } from '../model/event/change.ts'
import type { Preparation, Prepared } from '../model/delivery/preparation.ts'
import { keyChanged } from '../model/event/row-key.ts'
import { conditionOf } from '../model/rule/condition.ts'
import type { ActionLookups } from '../model/rule/lookup.ts'
import type { ActionPlan, Rule } from '../model/rule/rule.ts'
import type { TableDef } from '../model/table/table.ts'
import type { EvaluationStage } from '../model/errors.ts'
import { asEvaluationError, bindActions, bindOrFail } from './program/bound-rule.ts'
import type { BoundAction } from './program/bound-rule.ts'
import type { MatchFailure, MatchSink } from './program/match-sink.ts'

interface BoundChangeRule {
  readonly rule: Rule
  /** The pattern and the filter of the rule. */
  readonly holds: ((change: Change) => boolean) | null
  /** Null before the first match. */
  actions: readonly BoundAction[] | null
}

/** The rules of one table for changes that come as values: statements, gaps, rows of a source other than the binlog. */
export class ChangeProgram {
  private readonly table: TableDef
  private readonly rules: readonly BoundChangeRule[]

  constructor(table: TableDef, rules: readonly Rule[]) {
    this.table = table
    this.rules = rules.map((rule) => {
      const condition = conditionOf(rule)
      return { rule, holds: condition && bindOrFail(() => condition.bind(table)), actions: null }
    })
  }

  /** `heldBytes`: what the change keeps in memory. */
  run(change: Change, heldBytes: number, sink: MatchSink): void {
    for (const bound of this.rules) {
      const { rule, holds } = bound
      try {
        if (holds !== null && !holds(change)) continue
      } catch (error) {
        const failure = { stage: 'filter' as const, error: asEvaluationError(error) }
        if (rule.cancels !== undefined) sink.cancelled(rule.cancels, change, failure.error)
        for (const action of rule.actions) sink.failed(action, change, failure, heldBytes)
        continue
      }
      if (rule.cancels !== undefined) {
        sink.cancelled(rule.cancels, change, null)
        continue
      }
      if (rule.renews !== undefined) {
        sink.newer(rule.renews, change, heldBytes)
        continue
      }
      sink.ruleMatched(rule, change)
      const acted = firing(rule, change, heldBytes, sink)
      if (acted === null) continue
      bound.actions ??= bindActions(rule, this.table)
      for (const action of bound.actions) {
        const failure = actOn(action, acted, heldBytes, sink)
        if (failure !== null) sink.failed(action.plan, acted, failure, heldBytes)
      }
    }
  }
}

/** The change as the actions of the rule see it; null when its threshold does not let it act. */
export function firing(rule: Rule, change: Change, heldBytes: number, sink: MatchSink): Change | null {
  const { threshold } = rule
  if (threshold === null || threshold === undefined) return change
  try {
    return sink.exceeded(rule, threshold, change)
  } catch (error) {
    const failure = { stage: 'filter' as const, error: asEvaluationError(error) }
    for (const action of rule.actions) sink.failed(action, change, failure, heldBytes)
    return null
  }
}

/**
 * Renders what one action sends for a change that its rule matched, and hands it to the sink. Answers what could not be
 * evaluated; null when everything could.
 */
export function actOn(action: BoundAction, change: Change, heldBytes: number, sink: MatchSink): MatchFailure | null {
  let payload: unknown
  let previous: unknown
  let hasPrevious = false
  let stage: EvaluationStage = 'when'
  try {
    const { lookups } = action.plan
    if (lookups !== null && lookups !== undefined) return deferOn(action, lookups, change, heldBytes, sink)
    if (action.when !== null && !action.when(change)) return null
    stage = 'payload'
    payload = action.render(change, action.plan.writesBytes && sink.arena?.(action.plan, change))
    if (actsOnPreviousKey(action, change)) {
      previous = action.renderPreviousKey!(change)
      hasPrevious = true
    }
  } catch (error) {
    return { stage, error: asEvaluationError(error) }
  }
  if (hasPrevious) sink.matched(action.plan, change, previous, heldBytes, 'previous')
  sink.matched(action.plan, change, payload, heldBytes, 'present')
  return null
}

/** What goes without the lookups is evaluated now; the rest when they are there, in the place that the job has by then. */
function deferOn(
  action: BoundAction,
  lookups: ActionLookups,
  change: Change,
  heldBytes: number,
  sink: MatchSink,
): MatchFailure | null {
  const { plan } = action
  let previous: boolean
  try {
    if (!lookups.inWhen && action.when !== null && !action.when(change)) return null
    previous = actsOnPreviousKey(action, change)
  } catch (error) {
    return { stage: lookups.inWhen ? 'payload' : 'when', error: asEvaluationError(error) }
  }
  const preparation = (render: BoundAction['render']): Preparation =>
    preparationOf(plan, { when: action.when, render }, change, lookups.inWhen)
  if (previous) sink.deferred(plan, change, preparation(action.renderPreviousKey!), heldBytes, 'previous')
  sink.deferred(plan, change, preparation(action.render), heldBytes, 'present')
  return null
}

/** `asks`: whether `when` is still to be answered, where it reads lookups. */
export function preparationOf(
  { lookups }: ActionPlan,
  bound: Pick<BoundAction, 'when' | 'render'>,
  change: Change,
  asks: boolean,
): Preparation {
  const { all, inWhen } = lookups!
  return {
    change,
    lookups: all,
    stage: inWhen && asks ? 'when' : 'payload',
    finish: (rows) => prepare(bound, inWhen && asks, withFacts(change, { lookup: rows })),
  }
}

function prepare({ when, render }: Pick<BoundAction, 'when' | 'render'>, asks: boolean, change: Change): Prepared {
  let stage: EvaluationStage = 'when'
  try {
    if (asks && when !== null && !when(change)) return { tag: 'skip' }
    stage = 'payload'
    return { tag: 'ready', payload: render(change) }
  } catch (error) {
    const { code, message } = asEvaluationError(error)
    return { tag: 'failed', failure: { stage, code, message } }
  }
}

function actsOnPreviousKey({ plan, renderPreviousKey }: BoundAction, change: Change): boolean {
  const { key } = plan.rule
  const rekeyed = key !== null && key.of(change).previous !== null
  return renderPreviousKey !== null && (rekeyed || keyChanged(change.table, change.op, change.old, change.new))
}
