import type { ActionPlan } from '../rule/rule.ts'
import type { SagaTrigger } from './definition.ts'
import type { SagaEvent } from './instance.ts'

/** Type of the one action of the rules that a saga listens by. What it renders is a SagaSignal. */
export const SAGA_ACTION = 'saga'

/** Whether a saga listens by this rule: the instance that runs the saga runs it, and nobody else. */
export function isSagaRule({ actions }: { readonly actions: readonly Pick<ActionPlan, 'target'>[] }): boolean {
  return actions.some(({ target }) => target.type === SAGA_ACTION)
}

/** An event that a saga listens to. */
export interface SagaSignal {
  readonly saga: string
  /** Instances that began with another definition do not listen. */
  readonly version: string
  readonly key: string
  readonly trigger: SagaTrigger
  readonly event: SagaEvent
}

/** Takes what sagas listen to. */
export interface SagaSink {
  /** In order; resolves when everything is journaled. The same signals again change nothing. Rejects with a BingoError. */
  take(signals: readonly SagaSignal[]): Promise<void>
}
