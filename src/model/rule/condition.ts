import { unionReads } from '../table/column-reads.ts'
import type { Rule } from './rule.ts'
import type { Predicate } from './expression.ts'

/** What has to be true of an event for a rule to match it: its pattern, then its filter. Null: nothing. */
export function conditionOf({ match, filter }: Pick<Rule, 'match' | 'filter'>): Predicate | null {
  if (match === null || filter === null) return match ?? filter
  return {
    source: `${match.source}\0${filter.source}`,
    location: match.location,
    necessary: [...match.necessary, ...filter.necessary],
    lookups: [...match.lookups, ...filter.lookups],
    reads: (table) => unionReads([match.reads(table), filter.reads(table)]),
    bind: (table) => {
      const matches = match.bind(table)
      const holds = filter.bind(table)
      return (change) => matches(change) && holds(change)
    },
  }
}
