import { countIn, NEW_GROUP, type GroupCount } from '../../src/flow/thresholds/sliding-count.ts'
import type { Change } from '../../src/model/event/change.ts'
import { rowKeyText } from '../../src/model/event/row-key.ts'
import { committed, type Group } from './history.ts'
import { isRow, lookedUpOf, THRESHOLD, versionOf, WAITING_KINDS } from './waiting-kinds.ts'

/** What has to become of an action of a rule whose doings depend on more than its change. */
export interface Fate {
  /** False: it is never sent. */
  readonly sent: boolean
  /** What it says of the row. */
  readonly rowKey: string
  readonly version: number
  readonly looked?: number
  readonly count?: number
}

const key = (change: Change): string => rowKeyText(change.table, change.old, change.new)
const formerKey = ({ table, old, new: new_, op }: Change): string =>
  rowKeyText(table, old, op === 'update' ? null : new_)

/** By `rule/action/event`, of everything that was committed; worked out from the history alone. */
export function fatesOf(history: readonly Group[]): ReadonlyMap<string, Fate> {
  const changes = history.flatMap(committed)
  const [cancelled, rechecked] = WAITING_KINDS
  const fates = new Map<string, Fate>()
  const put = (rule: string, action: number, change: Change, fate: Partial<Fate> & Pick<Fate, 'sent'>): void =>
    void fates.set(`${rule}/${action}/${change.id}`, { rowKey: key(change), version: versionOf(change), ...fate })
  const counts = new Map<string, GroupCount>()
  for (const [i, change] of changes.entries()) {
    if (!isRow(change)) continue
    const later = changes.slice(i + 1)
    if (cancelled!.matches(change)) put('cancelled', 0, change, { sent: !later.some((each) => cancels(each, change)) })
    const due = rechecked!.matches(change) ? newestOf(change, later) : null
    for (const action of [0, 1]) {
      const sent =
        rechecked!.fires(change, action) && due !== null && rechecked!.matches(due) && rechecked!.fires(due, action)
      put('rechecked', action, change, { sent, ...(due !== null && { rowKey: key(due), version: versionOf(due) }) })
    }
    put('looked-up', 0, change, { sent: lookedUpOf(change) % 30 !== 0, looked: lookedUpOf(change) })
    const counted = THRESHOLD.bind(change.table)(change)
    const at = change.transaction.timestampUs / 1_000
    const { group, count, fires } = countIn(counts.get(counted.by) ?? NEW_GROUP, at, counted, THRESHOLD)
    counts.set(counted.by, group)
    put('counted', 0, change, { sent: fires, count })
  }
  return fates
}

/** The later change is one that cancels, of the row as it was before or is after it. */
function cancels(later: Change, { table, old, new: new_ }: Change): boolean {
  if (later.op !== 'update' && later.op !== 'delete') return false
  if (WAITING_KINDS[0]!.cancels?.(later) !== true) return false
  const mine = rowKeyText(table, old, new_)
  return mine === key(later) || mine === formerKey(later)
}

/** The change as it is when everything later has been read; null: its row is gone, or, for a DELETE, there again. */
function newestOf(change: Change, later: readonly Change[]): Change | null {
  const row = key(change)
  let newest: Change = change
  for (const each of later) {
    if (change.op === 'delete') {
      if ((each.op === 'insert' || each.op === 'update') && key(each) === row) return null
      continue
    }
    if (each.op === 'truncate') return null
    if (formerKey(each) !== row) continue
    if (key(each) !== row || each.op === 'delete') return null
    newest = each
  }
  return newest
}
