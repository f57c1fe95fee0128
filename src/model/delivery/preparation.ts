import type { EvaluationStage } from '../errors.ts'
import type { Change } from '../event/change.ts'
import type { Payload } from '../rule/rule.ts'
import type { Lookup, LookupRows } from '../rule/lookup.ts'

/** Why a job can only end in the dead letters. */
export interface EvaluationFailure {
  readonly stage: EvaluationStage
  readonly code: string
  readonly message: string
}

/** What a job waits for before it can be rendered: rows of other tables. */
export interface Preparation {
  readonly change: Change
  readonly lookups: readonly Lookup[]
  /** What is evaluated when they are there; a failure of theirs is one of it. */
  readonly stage: 'when' | 'payload'
  finish(rows: LookupRows): Prepared
}

/** What became of it. `skip`: `when` does not hold; the job ends, and nothing is sent. */
export type Prepared =
  | { readonly tag: 'ready'; readonly payload: Payload }
  | { readonly tag: 'skip' }
  | { readonly tag: 'failed'; readonly failure: EvaluationFailure }
