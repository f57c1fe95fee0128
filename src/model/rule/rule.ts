import type { Operation } from '../event/row.ts'
import type { EventSchemas } from '../event/posted/event-schemas.ts'
import type { Problem, SourceLocation } from '../errors.ts'
import type { SagaDefinition, SagaSource } from '../saga/definition.ts'
import type { TableDef } from '../table/table.ts'
import type { ActionPlan } from './action.ts'
import type { Lookup } from './lookup.ts'
import type { RuleKey } from './rule-key.ts'
import type { Threshold } from './threshold.ts'
import type { Pattern, Predicate } from './expression.ts'

export interface DebounceOptions {
  readonly windowMs: number
  readonly maxWaitMs: number
  readonly maxBatch: number
}

export type OnFailure = 'block' | 'park' | 'skip'

export interface RetryOptions {
  /** Attempts before the message counts as poison; Infinity = for ever. */
  readonly attempts: number
  readonly maxAgeMs: number
  readonly minMs: number
  readonly maxMs: number
}

/** Rows that were changed, or events that were posted. */
export type EventKind = 'row' | 'posted'

/** `on:` of a rule: which types of events it matches, of which kind, and from whom. */
export interface OnEvents {
  readonly patterns: readonly string[]
  matches(type: string): boolean
  /** `source:`; null: any. Rows have the source `database`. */
  readonly sources: ReadonlySet<string> | null
  /** What the rule is for, by its patterns, its sources and what it reads. */
  readonly kinds: ReadonlySet<EventKind>
  /** Whether it matches events that say that they are a test. */
  readonly test: 'exclude' | 'only' | 'any'
}

/** `cancelOn:` of a rule with a delay: what makes an event that waits needless. */
export interface CancelOn {
  readonly location: SourceLocation
  readonly operations: ReadonlySet<Operation>
  readonly match: Pattern | null
  readonly filter: Predicate | null
}

/** `recheck: true` of a rule with a delay. */
export interface Recheck {
  readonly location: SourceLocation
}

export interface Rule {
  readonly id: string
  readonly description: string | null
  readonly tags: readonly string[]
  readonly location: SourceLocation
  /** Stable hash of the rule's text; written to dead letters. */
  readonly version: string
  readonly operations: ReadonlySet<Operation>
  /** Comes before the filter, which is not evaluated where the pattern does not match. */
  readonly match: Pattern | null
  readonly filter: Predicate | null
  /** What orders its events instead of the primary key; null: the primary key. */
  readonly key: RuleKey | null
  /** Rows that its actions may read; absent or empty: none. */
  readonly lookups?: readonly Lookup[] | undefined
  /** It acts when so much has come, instead of on every event; null or absent: on every event. */
  readonly threshold?: Threshold | null | undefined
  readonly actions: readonly ActionPlan[]
  readonly debounce: DebounceOptions | null
  readonly delayMs: number
  /** Null: the rule is on tables. */
  readonly on: OnEvents | null
  /** No event matches it: it is invoked. */
  readonly manual: boolean
  /** A later change of the same key that it selects cancels what waits for the delay; null or absent: none does. */
  readonly cancelOn?: CancelOn | null | undefined
  /** At the due time its condition and the `when` of its actions are asked again, of the newest row; null or absent: they are not. */
  readonly recheck?: Recheck | null | undefined
  /** This stands for `cancelOn` of that rule: it has no actions, and what it matches cancels. */
  readonly cancels?: Rule | undefined
  /** This stands for `recheck` of that rule: it has no actions, and what it matches is the newest row of what waits. */
  readonly renews?: Rule | undefined
  matchesTable(schema: string, table: string): boolean
  /** As `matchesTable`, for one operation. */
  listensTo(operation: Operation, schema: string, table: string): boolean
}

export interface RuleSet {
  readonly rules: readonly Rule[]
  readonly files: readonly string[]
  /** `schemas:` of the files; absent: there are none. */
  readonly schemas?: EventSchemas | undefined
  /** `sagas:` of the files; absent: there are none. Their rules are not among `rules`: an instance adds them. */
  readonly sagas?: readonly SagaDefinition[] | undefined
  /** A saga as it was when instances began with it. Throws ProblemsError. Absent where no text is at hand. */
  formerSaga?(source: SagaSource): SagaDefinition
  /** What is wrong with the rules for this table, with its places. Absent where their text is not at hand. */
  problemsWith?(table: TableDef): readonly Problem[]
}
