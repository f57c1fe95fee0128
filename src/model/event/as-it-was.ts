import { Change } from './change.ts'

/** The change with the row as it was on both sides: what is rendered from it is about the row before an UPDATE. */
export function asItWas({ table, op, transaction, seq, old, query }: Change): Change {
  return new Change(table, op, transaction, seq, old, old, query)
}
