import type { Preparation } from '../../model/delivery/preparation.ts'
import type { RowsBlock } from '../../model/source/binlog-stream.ts'
import type { ChangeOfImage } from '../../model/delivery/row-run.ts'
import type { ByteArena } from '../../model/event/bytes/byte-arena.ts'
import type { Content } from '../../model/event/bytes/content.ts'
import type { Change } from '../../model/event/change.ts'
import type { EvaluationError, EvaluationStage } from '../../model/errors.ts'
import type { Threshold } from '../../model/rule/threshold.ts'
import type { ActionPlan, Payload, Rule } from '../../model/rule/rule.ts'

/** What could not be evaluated, and why. */
export interface MatchFailure {
  readonly stage: EvaluationStage
  readonly error: EvaluationError
}

/** Takes what one action sends for rows that come one after the other, of which it keeps neither object nor image. */
export interface RowGatherer {
  /** Where the action writes it. */
  readonly arena: ByteArena
  /** `content` was written last. `change` is good for this call only; its image, at [start, end), as long as the block. */
  add(content: Content, change: Change, block: RowsBlock, start: number, end: number, heldBytes: number): void
}

/** Where matches go. All calls come in the order of rows, rules and actions. */
export interface MatchSink {
  /** `heldBytes`: estimate of what the change keeps in memory. `key`: the previous one is that before an UPDATE of it. */
  matched(action: ActionPlan, change: Change, payload: Payload, heldBytes: number, key: 'present' | 'previous'): void
  /** As `matched`, for what is rendered when rows of other tables are there. */
  deferred(
    action: ActionPlan,
    change: Change,
    preparation: Preparation,
    heldBytes: number,
    key: 'present' | 'previous',
  ): void
  /** Something could not be evaluated for this change. A failed filter is reported for each action of its rule. */
  failed(action: ActionPlan, change: Change, failure: MatchFailure, heldBytes: number): void
  /** The change cancels what waits of the rule for its key. `error`: that cannot be told. */
  cancelled(rule: Rule, change: Change, error: EvaluationError | null): void
  /** The change has the newest row of what waits of the rule, or says that the row is gone. */
  newer(rule: Rule, change: Change, heldBytes: number): void
  /**
   * Counts a match of a rule with a threshold: the event with what was counted when the rule fires, else null. Throws
   * EvaluationError.
   */
  exceeded(rule: Rule, threshold: Threshold, change: Change): Change | null
  /** Where the action writes what it sends for the change, if it writes bytes; undefined: by itself. */
  arena?(action: ActionPlan, change: Change): ByteArena | undefined
  /**
   * Takes what the action sends for rows whose images are at hand, in place of `matched`; undefined: this action's events
   * are handed over one by one.
   */
  gatherer?(action: ActionPlan, changeOf: ChangeOfImage): RowGatherer | undefined
  /** A rule matched a row; before its actions. */
  ruleMatched(rule: Rule, change: Change): void
}
