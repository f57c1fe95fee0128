import { parkedKey } from '../../model/delivery/dead-letter.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'

/** Entries that have to be sent one after the other: those of one row for one rule, in the order of their events. */
export interface RetryRow {
  readonly ids: Set<string>
  /** Later events of the row wait behind these; only what was passed over (`skip`) is sent by itself. */
  parked: boolean
}

/** Row → its entries. Ids only: 100,000 entries need not fit into memory. */
export type RetryPlan = ReadonlyMap<string, RetryRow>

/** Chooses entries by a filter. Of a parked row all entries are taken, whichever were asked for. */
export async function planRetry(store: DeadLetterStore, filter: DeadLetterFilter): Promise<RetryPlan> {
  const rows = new Set<string>()
  const skipped = new Set<string>()
  for await (const letter of store.list(filter)) {
    if (letter.state === 'skip') skipped.add(letter.id)
    else rows.add(rowOf(letter))
  }
  return plan(store, (letter, row) => (letter.state === 'skip' ? skipped.has(letter.id) : rows.has(row)))
}

/** What was parked behind rows while their entries were sent. */
export async function planNewcomers(store: DeadLetterStore, rows: ReadonlySet<string>): Promise<RetryPlan> {
  const parked = await store.parkedKeys()
  if (![...rows].some((row) => parked.has(row))) return new Map()
  return plan(store, (letter, row) => letter.state !== 'skip' && rows.has(row))
}

async function plan(store: DeadLetterStore, chosen: (letter: DeadLetter, row: string) => boolean): Promise<RetryPlan> {
  const found = new Map<string, RetryRow>()
  for await (const letter of store.list({})) {
    const name = rowOf(letter)
    if (!chosen(letter, name)) continue
    let row = found.get(name)
    if (row === undefined) found.set(name, (row = { ids: new Set(), parked: false }))
    // One that came again while they were read stands at its last place.
    row.ids.delete(letter.id)
    row.ids.add(letter.id)
    row.parked ||= letter.state !== 'skip'
  }
  return found
}

export function countOf(rows: RetryPlan): number {
  let count = 0
  for (const { ids } of rows.values()) count += ids.size
  return count
}

function rowOf({ ruleId, rowKey }: DeadLetter): string {
  return parkedKey(ruleId, rowKey)
}
