import type { SourceLocation } from '../errors.ts'
import type { Change } from '../event/change.ts'
import type { LookedUp } from '../event/facts.ts'
import type { TableDef } from '../table/table.ts'
import type { TargetConfig } from './target-config.ts'
import type { ColumnReads } from './expression.ts'

/** A row that a rule reads from a server before it renders: `lookup: {customer: {sql: …, params: […]}}`. */
export interface Lookup {
  readonly ruleId: string
  readonly name: string
  readonly location: SourceLocation
  /** One SELECT with `?` for each of its parameters. */
  readonly statement: string
  /** The server that is asked; lookups with equal `id` share its connections and its circuit breaker. */
  readonly server: TargetConfig
  /** How long an answer may be given again; 0: each event asks. */
  readonly cacheMs: number
  readonly timeoutMs: number
  /** What a row that is not there is: null, or an error for which the event goes to the dead letters. */
  readonly missing: 'null' | 'error'
  reads(table: TableDef): ColumnReads
  /** Values for the statement; compiled once per table. Both throw EvaluationError. */
  bind(table: TableDef): (change: Change) => LookupParams
}

export type LookupParams = readonly (string | number | null)[]

/** By name of the lookup. */
export type LookupRows = { readonly [name: string]: LookedUp | null }

/** The lookups that an action reads. */
export interface ActionLookups {
  /** Its `when` reads one: it can be asked when they are there only. */
  readonly inWhen: boolean
  readonly all: readonly Lookup[]
}
