import type { Change, Value } from '../../model/event/change.ts'
import type { LookedUp } from '../../model/event/facts.ts'
import { EvaluationError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { printLocation } from './source-text.ts'
import type { SourceText } from './source-text.ts'

/** What a rule has beside its rows: names of its lookups, and whether it counts. */
export interface RuleFacts {
  readonly lookups: readonly string[]
  readonly threshold: boolean
  /** Why the lookups that the rule has are not known here; absent where they are, or there are none. */
  readonly later?: { readonly message: string; readonly hint: string } | undefined
}

export const NO_RULE_FACTS: RuleFacts = { lookups: [], threshold: false }

/** What is wrong with `lookup.NAME`; undefined when the rule has that lookup. */
export function lookupProblem(
  name: string | undefined,
  { lookups, later }: RuleFacts,
): { readonly message: string; readonly hint: string } | undefined {
  if (later !== undefined) return later
  if (lookups.length === 0) {
    return { message: 'the rule has no lookup', hint: 'define it: lookup: {customer: {sql: "SELECT …", params: […]}}' }
  }
  if (name !== undefined && lookups.includes(name)) return undefined
  if (name === undefined) return { message: 'lookup needs the name of a lookup', hint: `write lookup.${lookups[0]}` }
  const nearest = nearestName(name, lookups)
  const hint = nearest === undefined ? `the rule has: ${lookups.join(', ')}` : `did you mean lookup.${nearest}?`
  return { message: `the rule has no lookup "${name}"`, hint }
}

/** The row of a lookup; null where there is none. Throws EvaluationError where it was not read. */
export function rowOfLookup(change: Change, name: string, source: SourceText): LookedUp | null {
  const found = change.facts?.lookup?.[name]
  if (found !== undefined) return found
  throw new EvaluationError(
    'BINGO_LOOKUP_ABSENT',
    `rule "${source.ruleId}" reads lookup.${name}, which was not looked up (${printLocation(source.location)})`,
    { hint: `give the row in the event: "lookup": {"${name}": {…}}` },
  )
}

/** Name of a column as the row has it: the exact spelling first, then any letter case. Throws EvaluationError. */
export function lookupColumn({ row }: LookedUp, lookup: string, column: string, source: SourceText): string {
  if (Object.hasOwn(row, column)) return column
  const names = Object.keys(row)
  const found = names.find((name) => name.toLowerCase() === column.toLowerCase())
  if (found !== undefined) return found
  const nearest = nearestName(column, names)
  throw new EvaluationError(
    'BINGO_UNKNOWN_COLUMN',
    `rule "${source.ruleId}" reads lookup.${lookup}.${column}, which the lookup does not select (${printLocation(source.location)})`,
    { hint: nearest === undefined ? `it selects: ${names.join(', ')}` : `did you mean "${nearest}"?` },
  )
}

/** `lookup.customer.name`; NULL where there is no row. */
export function lookupValue(change: Change, lookup: string, column: string | undefined, source: SourceText): Value {
  const found = rowOfLookup(change, lookup, source)
  if (found === null) return null
  return column === undefined ? found.row : found.row[lookupColumn(found, lookup, column, source)]
}
