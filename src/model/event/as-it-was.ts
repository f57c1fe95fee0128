import { Change, withFacts } from './change.ts'

/** The change with the row as it was on both sides: what is rendered from it is about the row before an UPDATE. */
export function asItWas(given: Change): Change {
  const { table, op, transaction, seq, old, query, facts } = given.whole
  const change = new Change(table, op, transaction, seq, old, old, query)
  return facts === null ? change : withFacts(change, facts)
}
