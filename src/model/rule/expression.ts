import type { ByteArena } from '../event/bytes/byte-arena.ts'
import type { Content } from '../event/bytes/content.ts'
import type { Change } from '../event/change.ts'
import type { Value } from '../event/row.ts'
import type { SourceLocation } from '../errors.ts'
import type { TableDef } from '../table/table.ts'

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
