import type { BingoError } from '../errors.ts'
import type { Outcome, Sendable } from '../rule/action.ts'
import type { ActionPlan } from '../rule/rule.ts'
import type { TargetConfig } from '../rule/target-config.ts'

/** What became of a command. `stopping` and `not sent`: nothing of it left. `cut off`: the process ends, and nobody knows. */
export type CommandAnswer =
  | Outcome
  | { readonly tag: 'not sent'; readonly error: BingoError }
  | { readonly tag: 'stopping' }
  | { readonly tag: 'cut off' }

/** What is sent to a target for somebody who wants to know what became of it: a command of a saga. */
export interface TargetCommand {
  readonly action: ActionPlan
  /** What to send, asked for when its turn comes. Null: it is over, and nobody waits for an answer. Never rejects. */
  prepare(): Promise<Sendable | null>
  /** Called at most once, of one send: a failure is not repeated. Not called after `prepare` gave null or a withdrawal. */
  answer(answer: CommandAnswer): void
}

/** Takes a command back. False: it is being sent, or was answered. */
export type Withdraw = () => boolean

/**
 * Sends commands by the queues that the events of rules go through: what is known of a target, its rate, its breaker and
 * its pause hold for both.
 */
export interface Commands {
  /** Resolves when something can be sent. */
  readonly opened: Promise<void>
  ask(command: TargetCommand): Withdraw
  /** So many wait for this target that more would only fill memory. */
  isCrowded(target: TargetConfig): boolean
}
