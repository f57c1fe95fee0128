import { EventPrograms } from '../../match/event-programs.ts'
import type { MatchSink } from '../../match/program/match-sink.ts'
import { EvaluationError } from '../../model/errors.ts'
import type { Change } from '../../model/event/change.ts'
import type { PostedEvent } from '../../model/event/posted/posted-event.ts'
import type { ActionPlan, Payload } from '../../model/rule/rule.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'

export interface RowAction {
  readonly action: ActionPlan
  readonly change: Change
  readonly payload: Payload
}

/** Finds what rules do with the event of an outbox's row, outside of a pipeline. */
export class RowEvents {
  private readonly programs: EventPrograms

  constructor({ rules }: RuleSet) {
    this.programs = new EventPrograms(rules.filter(({ manual }) => !manual))
  }

  /** All of it or nothing: throws what keeps one action from being evaluated. */
  actionsFor(event: PostedEvent): readonly RowAction[] {
    const found: RowAction[] = []
    const sink: MatchSink = {
      matched: (action, change, payload) => void found.push({ action, change, payload }),
      failed: (_action, _change, { error }) => {
        throw error
      },
      deferred: ({ rule }) => {
        const message = `rule "${rule.id}" looks rows up, which a row of an outbox cannot wait for here`
        throw new EvaluationError('BINGO_OUTBOX_ROW_INVALID', message)
      },
      // What counts, cancels or renews is for rows only.
      exceeded: () => null,
      cancelled: () => undefined,
      newer: () => undefined,
      ruleMatched: () => undefined,
    }
    this.programs.of(event.type)?.run(event, event.heldBytes, sink)
    return found
  }
}
