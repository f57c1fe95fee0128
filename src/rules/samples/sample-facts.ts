import { withFacts } from '../../model/event/change.ts'
import type { Change } from '../../model/event/change.ts'
import type { Row, Value } from '../../model/event/row.ts'
import { type LookedUp, type ThresholdFact } from '../../model/event/facts.ts'
import { BingoError } from '../../model/errors.ts'
import type { ValueKind } from '../../model/table/table.ts'
import { isMap } from '../../model/json/shape.ts'

/** The facts that an event shows: those of its rule's threshold, and rows that people wrote for `lookup:`. */
export function withSampleFacts(
  change: Change,
  { lookup, threshold }: { readonly lookup?: unknown; readonly threshold?: ThresholdFact | undefined },
): Change {
  if (lookup === undefined && threshold === undefined) return change
  return withFacts(change, {
    ...(lookup !== undefined && { lookup: lookupsOf(lookup) }),
    ...(threshold !== undefined && { threshold }),
  })
}

function lookupsOf(lookup: unknown): { readonly [name: string]: LookedUp | null } {
  if (!isMap(lookup)) throw invalid('"lookup" must be a map')
  return Object.fromEntries(
    Object.entries(lookup).map(([name, row]) => {
      if (row === null) return [name, null]
      if (!isMap(row)) throw invalid(`"lookup.${name}" must be a map of columns, or null`)
      const kinds = Object.fromEntries(Object.entries(row).map(([column, value]) => [column, kindOf(value as Value)]))
      return [name, { row: Object.assign(Object.create(null) as Row, row), kinds }]
    }),
  )
}

function kindOf(value: Value): ValueKind {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  return typeof value === 'object' && value !== null ? 'json' : 'string'
}

function invalid(what: string): BingoError {
  const hint = 'Write for example "lookup": {"customer": {"name": "Ada"}}.'
  return new BingoError('BINGO_EVENT_INVALID', `the event is not valid: ${what}`, { hint })
}
