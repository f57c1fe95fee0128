import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import type { LookedUp } from '../../model/event/facts.ts'
import { EvaluationError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import { printLocation } from './source-text.ts'
import type { SourceText } from './source-text.ts'

/** What a rule has beside its rows: names of its lookups, and whether it counts. */
export interface RuleFacts {
  readonly lookups: readonly string[]
  readonly threshold: boolean
  /** The text belongs to a saga, and may read what these steps gave. */
  readonly saga?: { readonly steps: readonly string[] } | undefined
  /** Why the lookups that the rule has are not known here; absent where they are, or there are none. */
  readonly later?: { readonly message: string; readonly hint: string } | undefined
}

export const NO_RULE_FACTS: RuleFacts = { lookups: [], threshold: false }

/** What a text of a saga can read beside the event that started it. */
export const SAGA_NAMES = ['saga', 'steps', 'input', 'output'] as const
export type SagaName = (typeof SAGA_NAMES)[number]
const SAGA_FIELDS = ['id', 'key', 'startedAt', 'status']

/** What is wrong with `steps.reserve.output.x` and the like; undefined: it can be read. */
export function sagaProblem(
  [head, name]: readonly string[],
  steps: readonly string[],
): { readonly message: string; readonly hint: string } | undefined {
  if (name === undefined || head === 'input') return undefined
  const known = head === 'saga' ? SAGA_FIELDS : steps
  if (known.includes(name)) return undefined
  const nearest = nearestName(name, known)
  if (head === 'saga') {
    const hint = nearest === undefined ? `it has ${known.join(', ')}` : `did you mean saga.${nearest}?`
    return { message: `a saga has no "${name}"`, hint }
  }
  const message = `no step "${name}" comes before this one`
  if (nearest !== undefined) return { message, hint: `did you mean ${head}.${nearest}?` }
  return { message, hint: known.length === 0 ? 'this is the first step' : `steps before it: ${known.join(', ')}` }
}

/** Undefined: there is no such thing, or the text belongs to no saga. */
export function sagaValue(change: Change, name: SagaName): Value {
  const fact = change.facts?.saga
  if (fact === undefined) return undefined
  switch (name) {
    case 'saga':
      return fact.saga
    case 'steps':
      return fact.steps
    case 'input':
      return change.new?.['payload']
    case 'output':
      return Object.fromEntries(Object.entries(fact.steps).map(([step, { output }]) => [step, output]))
  }
}

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
