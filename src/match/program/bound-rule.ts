import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Change } from '../../model/event/change.ts'
import { EvaluationError } from '../../model/errors.ts'
import { conditionOf } from '../../model/rule/condition.ts'
import type { ActionPlan, Payload, Rule } from '../../model/rule/rule.ts'
import type { Predicate } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { MatchSink, RowGatherer } from './match-sink.ts'
import { readsWhole, writesImages } from './row-selection.ts'

/** An action with its condition and its templates, compiled for one table. */
export interface BoundAction {
  readonly plan: ActionPlan
  readonly when: ((change: Change) => boolean) | null
  readonly render: (change: Change, into?: ByteArena) => Payload
  readonly renderPreviousKey: ((change: Change) => Payload) | null
}

/** A rule as one table's program sees it. */
export interface BoundRule {
  readonly rule: Rule
  readonly whole: boolean
  /** Some of its actions write what they send from the row's image. */
  readonly writesImages: boolean
  /** Rules with the same pattern and filter share its number; it is evaluated once per row. */
  readonly filterId: number
  /** Null before the first match. */
  actions: readonly BoundAction[] | null
  /** Where the rows of its only action are gathered, of the sink that was asked last; null: nowhere. */
  gatherer: RowGatherer | null
  gathererOf: MatchSink | null
}

/** Gives equal filters one number each; `predicates` are in the order of the numbers. */
export function prepareRule(
  rule: Rule,
  table: TableDef,
  hasImages: boolean,
  filters: Map<string, number>,
  predicates: Predicate[],
): BoundRule {
  const condition = conditionOf(rule)
  let filterId = -1
  if (condition !== null) {
    filterId = filters.get(condition.source) ?? -1
    if (filterId < 0) {
      filterId = predicates.push(condition) - 1
      filters.set(condition.source, filterId)
    }
  }
  // What waits for its delay is rendered when it is due, by a rule that may read other columns by then.
  const later = rule.delayMs > 0 || rule.renews !== undefined
  const fromImages = hasImages && writesImages(rule)
  const whole = later || rule.actions.some((plan) => readsWhole(plan, table, fromImages))
  return { rule, filterId, actions: null, whole, writesImages: fromImages, gatherer: null, gathererOf: null }
}

export function bindActions(rule: Rule, table: TableDef): BoundAction[] {
  return rule.actions.map((plan) => ({
    plan,
    when: plan.when === null ? null : bindOrFail(() => plan.when!.bind(table)),
    render: bindOrFail(() => plan.bind(table)),
    renderPreviousKey: plan.bindPreviousKey === undefined ? null : bindOrFail(() => plan.bindPreviousKey!(table)),
  }))
}

/**
 * What cannot be bound (a column that the table does not have) fails for every row instead: the events go to the dead
 * letters, other rules go on, and nothing is silently passed over (invariant 8).
 */
export function bindOrFail<T>(bind: () => (change: Change) => T): (change: Change) => T {
  try {
    return bind()
  } catch (error) {
    const failure = asEvaluationError(error)
    return () => {
      throw failure
    }
  }
}

export function asEvaluationError(error: unknown): EvaluationError {
  if (error instanceof EvaluationError) return error
  return new EvaluationError('BINGO_EVALUATION', error instanceof Error ? error.message : String(error), {
    cause: error,
  })
}
