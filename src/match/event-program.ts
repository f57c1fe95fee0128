import type { EvaluationError } from '../model/errors.ts'
import type { Change } from '../model/event/change.ts'
import type { Value } from '../model/event/row.ts'
import { EVENT_SHAPE } from '../model/event/posted/posted-event.ts'
import type { PostedEvent } from '../model/event/posted/posted-event.ts'
import { conditionOf } from '../model/rule/condition.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { Predicate } from '../model/rule/expression.ts'
import { actOn } from './change-program.ts'
import { PatternIndex } from './pattern-index.ts'
import { asEvaluationError, bindActions, bindOrFail } from './program/bound-rule.ts'
import type { BoundAction } from './program/bound-rule.ts'
import type { MatchSink } from './program/match-sink.ts'

interface BoundEventRule {
  readonly rule: Rule
  readonly match: SharedPredicate | null
  readonly filter: SharedPredicate | null
  /** Null before the first match. */
  actions: readonly BoundAction[] | null
}

/** A pattern or filter that several rules may have: it is evaluated once per event. */
class SharedPredicate {
  private readonly predicate: Predicate
  private holds: ((change: Change) => boolean) | null = null
  private askedIn = 0
  private answer = false
  private error: EvaluationError | null = null

  constructor(predicate: Predicate) {
    this.predicate = predicate
  }

  /** `turn`: another one for each event. Throws EvaluationError. */
  test(change: Change, turn: number): boolean {
    if (this.askedIn !== turn) {
      this.askedIn = turn
      this.evaluate(change)
    }
    if (this.error !== null) throw this.error
    return this.answer
  }

  private evaluate(change: Change): void {
    this.holds ??= bindOrFail(() => this.predicate.bind(EVENT_SHAPE))
    this.error = null
    try {
      this.answer = this.holds(change)
    } catch (error) {
      this.error = asEvaluationError(error)
    }
  }
}

/** The rules that posted events of one type are for. */
export class EventProgram {
  private readonly rules: readonly BoundEventRule[]
  private readonly index: PatternIndex
  private readonly shared = new Map<string, SharedPredicate>()
  private turn = 0

  constructor(rules: readonly Rule[]) {
    this.rules = rules.map((rule) => ({
      rule,
      match: this.sharedBy(rule.match),
      filter: this.sharedBy(rule.filter),
      actions: null,
    }))
    this.index = new PatternIndex(rules.map((rule) => conditionOf(rule)?.lookups ?? []))
  }

  private sharedBy(predicate: Predicate | null): SharedPredicate | null {
    if (predicate === null) return null
    let shared = this.shared.get(predicate.source)
    if (shared === undefined) this.shared.set(predicate.source, (shared = new SharedPredicate(predicate)))
    return shared
  }

  run(event: PostedEvent, heldBytes: number, sink: MatchSink): void {
    this.turn += 1
    for (const number of this.index.candidates(event.new as { readonly [name: string]: Value })) {
      const bound = this.rules[number]!
      if (isFor(bound.rule, event)) this.runRule(bound, event, heldBytes, sink)
    }
  }

  private runRule(bound: BoundEventRule, event: PostedEvent, heldBytes: number, sink: MatchSink): void {
    const { rule, match, filter } = bound
    try {
      if (match !== null && !match.test(event, this.turn)) return
      if (filter !== null && !filter.test(event, this.turn)) return
    } catch (error) {
      const failure = { stage: 'filter' as const, error: asEvaluationError(error) }
      for (const action of rule.actions) sink.failed(action, event, failure, heldBytes)
      return
    }
    sink.ruleMatched(rule, event)
    bound.actions ??= bindActions(rule, EVENT_SHAPE)
    for (const action of bound.actions) {
      const failure = actOn(action, event, heldBytes, sink)
      if (failure !== null) sink.failed(action.plan, event, failure, heldBytes)
    }
  }
}

function isFor({ on }: Rule, { envelope }: PostedEvent): boolean {
  if (on === null) return true
  if (on.sources !== null && !on.sources.has(envelope.source)) return false
  return on.test === 'any' || envelope.isTest === (on.test === 'only')
}
