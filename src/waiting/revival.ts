import type { EvaluationFailure } from '../model/delivery/preparation.ts'
import { DELAY_PREFIX } from '../model/delivery/waiting.ts'
import type { StoredRecord, WaitingShape } from '../model/delivery/waiting.ts'
import type { Change } from '../model/event/change.ts'
import type { ActionPlan } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { isPosted } from '../model/event/posted/posted-event.ts'
import { evaluate, type Rendered } from './evaluate.ts'
import { ownAction } from './own-action.ts'
import { ChangeReader } from './record.ts'

/** What a waiting event has become by the rules as they are now. */
export interface Revived {
  readonly action: ActionPlan
  readonly change: Change
  /** Empty: its rule does not match it any more, or it failed. */
  readonly rendered: readonly Rendered[]
  readonly failure: EvaluationFailure | null
}

/** Makes what waits into something to send, by the action as it is now. */
export class Revival {
  private ruleSet: RuleSet
  private readonly changes = new ChangeReader()
  private actions = new WeakMap<WaitingShape, ActionPlan>()

  constructor(ruleSet: RuleSet) {
    this.ruleSet = ruleSet
  }

  useRules(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.actions = new WeakMap()
  }

  /** Throws BINGO_RULE_UNKNOWN or BINGO_ACTION_CHANGED where the rules have no action for it any more. */
  revive(record: StoredRecord): Revived {
    const action = this.actionOf(record)
    const change = this.changes.read(record)
    const evaluated = evaluate(action, { ...record, recheck: isRechecked(action, record, change) }, change)
    if (evaluated.failure === null) return { action, change, rendered: evaluated.rendered, failure: null }
    const { stage, error } = evaluated.failure
    return { action, change, rendered: [], failure: { stage, code: error.code, message: error.message } }
  }

  private actionOf({ shape, stage }: StoredRecord): ActionPlan {
    // What failed may find a repaired action: that is asked each time.
    const known = stage === undefined ? this.actions.get(shape) : undefined
    if (known !== undefined) return known
    const action = ownAction({ ...shape, stage }, this.ruleSet)
    if (stage === undefined) this.actions.set(shape, action)
    return action
  }
}

/** It was delayed, and is due. A posted event stays what it was. */
function isRechecked({ rule }: ActionPlan, { line }: StoredRecord, { table }: Change): boolean {
  return Boolean(rule.recheck) && line.startsWith(DELAY_PREFIX) && !isPosted(table)
}
