import type { SourceLocation } from '../errors.ts'
import type { Change } from '../event/change.ts'
import type { TableDef } from '../table/table.ts'
import type { ColumnReads } from './expression.ts'

/** What one event adds to the counters of its rule. */
export interface Counted {
  /** What is counted by; the empty text where everything counts together. */
  readonly by: string
  /** As text, all digits; null where events are counted and nothing is added up. */
  readonly amount: string | null
}

/** `threshold:` of a rule: it acts when more than that has come within a time, instead of on every event. */
export interface Threshold {
  readonly location: SourceLocation
  /** The template of what is counted by, as written; null: everything counts together. */
  readonly groupedBy: string | null
  /** Changes with whatever makes older counters useless. */
  readonly version: string
  /** Exceeded by what is more: a number, as text. */
  readonly above: string
  readonly sums: boolean
  readonly withinMs: number
  /** From one time that it fires to the next for the same group. */
  readonly againMs: number
  /** Most groups that are counted at a time. */
  readonly mostGroups: number
  reads(table: TableDef): ColumnReads
  /** Compiled once per table. Both throw EvaluationError. */
  bind(table: TableDef): (change: Change) => Counted
}
