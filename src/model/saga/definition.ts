import type { SourceLocation } from '../errors.ts'
import type { ActionPlan, Rule } from '../rule/rule.ts'
import type { SagaInstance } from './instance.ts'

/** When a failed send is repeated. */
export interface StepRetry {
  /** Sends until the step counts as failed. Infinity: until its time is over. */
  readonly attempts: number
  readonly minMs: number
  readonly maxMs: number
}

/** What the state machine knows of a step: data, and one pure question. */
export interface StepPlan {
  readonly id: string
  /** An event tells that it is done; else its action's success does. */
  readonly confirms: boolean
  /** From the first send on; null: until the deadline of the saga. */
  readonly timeoutMs: number | null
  readonly retry: StepRetry
  /** How it is undone; its `attempts` fail before the instance is stuck. `none`: there is nothing to undo. Null: nobody said how. */
  readonly undo: { readonly retry: StepRetry } | 'none' | null
  /** Whether it is taken at all, asked when its turn comes. Null: always. Throws EvaluationError. */
  readonly when: ((instance: SagaInstance) => boolean) | null
}

/** What the state machine knows of a saga. */
export interface SagaPlan {
  readonly id: string
  /** Digest of what the definition says: instances keep the one they began with. */
  readonly version: string
  /** From the start on; null: none. */
  readonly deadlineMs: number | null
  /** One after the other; the steps of one stage at the same time. */
  readonly stages: readonly (readonly StepPlan[])[]
}

/** What a rule of a saga does with an event that it matches. */
export type SagaTrigger = { readonly tag: 'start' } | { readonly tag: 'confirm' | 'reject'; readonly step: string }

/** Something that the saga listens to: a rule of the program's own, whose one action (type `saga`) journals the input. */
export interface SagaRule {
  readonly trigger: SagaTrigger
  readonly location: SourceLocation
  /** Its action renders a `SagaSignal`. */
  readonly rule: Rule
}

export interface SagaStep extends StepPlan {
  readonly location: SourceLocation
  /** Renders the command from a `SagaCommandEvent` (sagas/command-event.ts). */
  readonly action: ActionPlan
  readonly compensate: ActionPlan | null
}

/** A saga as its file defines it, compiled. */
export interface SagaDefinition extends SagaPlan {
  readonly description: string | null
  readonly location: SourceLocation
  readonly stages: readonly (readonly SagaStep[])[]
  /** The start first, then by the steps in their order. */
  readonly rules: readonly SagaRule[]
  /** Compiled again as long as instances of it live, though the file says something else by then. */
  readonly source: SagaSource
}

/** A definition as it was written: secrets unresolved. */
export interface SagaSource {
  readonly id: string
  readonly version: string
  /** The file as messages call it, and the line of the text in it. */
  readonly file: string
  readonly line: number
  /** YAML or JSON of the one saga. */
  readonly text: string
}

export function stepsOf<Step extends StepPlan>(definition: {
  readonly stages: readonly (readonly Step[])[]
}): readonly Step[] {
  return definition.stages.flat()
}
