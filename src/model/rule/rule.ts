import type { Operation } from '../event/row.ts'
import type { SourceLocation } from '../errors.ts'
import type { ActionLookups, Lookup } from './lookup.ts'
import type { RuleKey } from './rule-key.ts'
import type { Threshold } from './threshold.ts'
import type { ColumnReads, Pattern, Predicate } from './expression.ts'
import type { ByteArena } from '../event/bytes/byte-arena.ts'
import type { Change } from '../event/change.ts'
import type { TableDef } from '../table/table.ts'
import type { TargetConfig } from './target-config.ts'

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

/** What an action's adapter renders from a change and later sends. Opaque to everything but the adapter. */
export type Payload = unknown

/** One action of one rule, compiled: knows what it reads, how to render its payload, and where that goes. */
export interface ActionPlan {
  readonly rule: Rule
  /** Place in the rule's list, from 0; another one after the rule was edited. */
  readonly index: number
  /** Unique within the rule: its `id:`, else a digest of what it is. The same wherever it stands in the rule. */
  readonly identity: string
  /** Digests of its target and of what it sends, by field: tell what of an action was changed. */
  readonly parts: { readonly [field: string]: string }
  readonly type: string
  readonly location: SourceLocation
  /** Name of the target; actions with the same address and credentials share one. */
  readonly target: TargetConfig
  readonly coalesce: 'latest' | 'none'
  readonly when: Predicate | null
  /** Rows that are read before it is rendered; null or absent: none. */
  readonly lookups?: ActionLookups | null | undefined
  readonly onFailure: OnFailure
  readonly retry: RetryOptions
  readonly timeoutMs: number
  /** Sends per second; null = no limit. */
  readonly ratePerSecond: number | null
  reads(table: TableDef): ColumnReads
  /**
   * What of it has to be decoded where the row's image is at hand, because the rest is written straight from the bytes;
   * absent: all that it reads.
   */
  readonly decodes?: ((table: TableDef) => ColumnReads) | undefined
  /** What it sends is written as bytes where it gets an arena. */
  readonly writesBytes?: true | undefined
  /**
   * Compiled per table; the function throws EvaluationError for a value that cannot be rendered. `into`: where bytes go
   * that are not rendered as text first.
   */
  bind(table: TableDef): (change: Change, into?: ByteArena) => Payload
  /**
   * For actions that address state by the row's key (a cache entry): renders what has to happen to the key that an
   * UPDATE of the primary key left behind. Absent for actions that send the event, which is sent once.
   */
  readonly bindPreviousKey?: ((table: TableDef) => (change: Change) => Payload) | undefined
  /** Type-specific, normalised options; read by the adapter only. */
  readonly options: unknown
  /** What it sends is told apart by the id of the event alone, which is one of a saga's command. */
  readonly idIsWhole?: true | undefined
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
