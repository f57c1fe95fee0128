import type { EvaluationStage } from '../errors.ts'
import type { Change } from '../event/change.ts'
import type { Payload } from '../rule/action.ts'
import type { Lookup, LookupRows } from '../rule/lookup.ts'
import type { RuleSet } from '../rule/rule.ts'
import type { DropResult } from './deliveries.ts'

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

/** Reads the rows that jobs wait for (deliver/lookups). A server that is down is waited for; no event fails by it. */
export interface LookupReader {
  /** `bytes`: what waits in memory for the answer. Never settles after `close`. */
  prepare(preparation: Preparation, bytes: number): Promise<Prepared>
  /** What waits asks by the lookups as they are now, where its rule still has them. */
  useRules(ruleSet: RuleSet): void
  /** What waits for a server that no rule names any more cannot be rendered. */
  drop(server: string): DropResult
  /** Whatever waits, waits for servers that are down. */
  readonly onlyDownLeft: boolean
  close(): Promise<void>
}

export const NO_LOOKUPS: LookupReader = {
  prepare: () => new Promise(() => undefined),
  useRules: () => undefined,
  drop: () => 'unknown',
  onlyDownLeft: false,
  close: () => Promise.resolve(),
}
