import type { ByteArena } from '../event/bytes/byte-arena.ts'
import type { Content } from '../event/bytes/content.ts'
import type { Change } from '../event/change.ts'
import type { Operation, Value } from '../event/row.ts'
import type { EventSchemas } from '../event/posted/event-schemas.ts'
import type { Problem, SourceLocation } from '../errors.ts'
import type { SagaDefinition, SagaSource } from '../saga/definition.ts'
import type { TableDef } from '../table/table.ts'
import type { ActionPlan } from './action.ts'
import type { Lookup } from './lookup.ts'
import type { RuleKey } from './rule-key.ts'
import type { Threshold } from './threshold.ts'

/** Which columns something reads. `all` means the whole row of that image. */
export interface ColumnReads {
  readonly new: ReadonlySet<string> | 'all'
  readonly old: ReadonlySet<string> | 'all'
}

/**
 * A compiled CEL expression. `bind` fixes it to one table's columns and throws EvaluationError when it names a column
 * that the table does not have. The bound function answers true or false, or throws EvaluationError.
 */
export interface Predicate {
  readonly source: string
  /** It may read posted events. Absent: rows only. */
  readonly scope?: 'events' | 'saga' | undefined
  readonly location: SourceLocation
  /** Names of the lookups that it reads; absent or empty: none. */
  readonly lookupNames?: readonly string[] | undefined
  /** Columns read, resolved for this table (case-insensitive lookup applied). */
  reads(table: TableDef): ColumnReads
  bind(table: TableDef): (change: Change) => boolean
  /**
   * Comparisons `new.column == constant` that must hold for the expression to be true (top-level conjuncts, `in` lists
   * included). Used to index many rules of one table; empty when there are none.
   */
  readonly necessary: readonly {
    readonly image: 'new' | 'old'
    readonly column: string
    readonly values: readonly (string | number | bigint | boolean)[]
  }[]
  /** As `necessary`, of posted events. */
  readonly lookups: readonly PatternLookup[]
}

/** Something that has to be found in a posted event before a pattern or a filter can be true for it. */
export interface PatternLookup {
  /** Names of maps, outermost first; a list on the way stands for each of its elements. */
  readonly path: readonly string[]
  /** The value is one of these; a list has one of them; a text begins or ends with one of them; a number is in a range. */
  readonly by: 'value' | 'element' | 'prefix' | 'suffix' | 'range'
  /** Where nothing is there, evaluating is an error, which must not be passed over. Absent: it is no match. */
  readonly strict?: true
  /** Of a range: its ends, both inclusive, which may be infinite. */
  readonly values: readonly (string | number | bigint | boolean)[]
}

/** What one clause of a pattern says of an event. */
export interface ExplainedClause {
  /** `payload.country` */
  readonly path: string
  /** The clause as it would be written. */
  readonly source: string
  readonly holds: boolean
  /** Undefined: it is missing. */
  readonly value: Value
  readonly location: SourceLocation
}

/** `match:` of a rule. `source` is the same for patterns that say the same. */
export interface Pattern extends Predicate {
  explain(change: Change): readonly ExplainedClause[]
}

/** A string with expressions. A missing or NULL value throws EvaluationError when `strict`. */
export interface Template {
  readonly source: string
  /** The text with secrets put in, and `{{}}` where an expression stands: what can be told of everything it renders. */
  readonly outline: string
  /** The text with secrets put in where no expression stands in it, so that it is the same for every event. */
  readonly constant: string | undefined
  readonly location: SourceLocation
  reads(table: TableDef): ColumnReads
  bind(table: TableDef): (change: Change) => string
}

/** A JSON-like structure whose string leaves are templates; a leaf that is one expression keeps the value's type. */
export interface Structure {
  readonly location: SourceLocation
  /** One value, no list or map. */
  readonly isScalar: boolean
  reads(table: TableDef): ColumnReads
  bind(table: TableDef): (change: Change) => unknown
  /** The same as JSON text, keys in the order written. */
  bindJson(table: TableDef): (change: Change) => string
  /** As `bindJson`; as bytes of an arena where one is given. */
  bindContent(table: TableDef): (change: Change, into?: ByteArena) => Content
  /** The same as one text: strings as they are, NULL as the empty text, everything else as JSON. */
  bindText(table: TableDef): (change: Change) => string
}

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
