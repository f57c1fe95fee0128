import type { ValueKind } from '../table/table.ts'
import type { Change, Row } from './change.ts'

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

/** What one rule knows of a change beside its rows. */
export interface Facts {
  /** By the name of the lookup; null: there is no such row. */
  readonly lookup?: { readonly [name: string]: LookedUp | null }
  readonly threshold?: ThresholdFact
}

/** The same change with facts, for one rule: other rules know nothing of them. */
export function withFacts(change: Change, facts: Facts): Change {
  return Object.create(Object.getPrototypeOf(change) as object, {
    ...Object.getOwnPropertyDescriptors(change),
    facts: { value: { ...change.facts, ...facts } },
  }) as Change
}
