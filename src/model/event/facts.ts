import type { ValueKind } from '../table/table.ts'
import type { Row, Value } from './row.ts'

/** A row that `lookup:` read, with values as events have them. */
export interface LookedUp {
  readonly row: Row
  readonly kinds: { readonly [column: string]: ValueKind }
}

/** How often, or how much, a rule with `threshold:` has counted when it fires. Part of the event: a retry tells the same. */
export interface ThresholdFact {
  readonly count: number
  /** All digits; null where the rule adds nothing up. */
  readonly sum: string | null
  /** What the rule counts by; the empty text where it counts everything together. */
  readonly by: string
}

/** What the commands of a saga read beside the event that started it. */
export interface SagaFact {
  readonly saga: { readonly id: string; readonly key: string; readonly startedAt: string; readonly status: string }
  /** By the ids of the steps that can be read. */
  readonly steps: { readonly [step: string]: { readonly status: string; readonly output: Value } }
  /** What participants tell commands apart by; null where nothing is sent. */
  readonly command: {
    readonly saga: string
    readonly step: string
    readonly op: string
    readonly attempt: number
  } | null
}

/** What one rule knows of a change beside its rows. */
export interface Facts {
  /** By the name of the lookup; null: there is no such row. */
  readonly lookup?: { readonly [name: string]: LookedUp | null }
  readonly threshold?: ThresholdFact
  readonly saga?: SagaFact
}
