import type { DatabaseSync } from 'node:sqlite'
import type { EventFilter, EventPage } from '../../model/state/event-provider.ts'
import { filterOf } from '../filter.ts'
import { placeNumber } from '../places.ts'
import { recordOf } from '../posting.ts'
import type { Kept } from '../posting.ts'
import { keptOf } from './event-tables.ts'
import type { KeptRow } from './event-tables.ts'
import { KEPT } from './statements.ts'

/** Rows looked at before others get a turn: a statement holds up the process. */
const WINDOW = 10_000
/** Rows of a window that fit so far, but may not by their type. */
const CANDIDATES = 500

/** `use`: runs what it is given on the open file. `newest`: the newest event there is. */
export async function listEvents(
  filter: EventFilter,
  newest: number,
  use: <T>(work: (database: DatabaseSync) => T) => T,
): Promise<EventPage> {
  const fits = filterOf(filter)
  const { sql, values } = conditionsOf(filter)
  const found: Kept[] = []
  let before = Math.min(filter.cursor === undefined ? Infinity : placeNumber(filter.cursor), newest + 1)
  while (before > 1 && found.length <= filter.limit) {
    const low = Math.max(1, before - WINDOW)
    const rows = use((database) =>
      database
        .prepare(`SELECT ${KEPT} WHERE e.seq >= ? AND e.seq < ?${sql} ORDER BY e.seq DESC LIMIT ${CANDIDATES}`)
        .all(low, before, ...values),
    ) as unknown as KeptRow[]
    for (const row of rows) {
      const kept = keptOf(row)
      if (found.length <= filter.limit && fits(recordOf(kept))) found.push(kept)
    }
    before = rows.length < CANDIDATES ? low : rows.at(-1)!.seq
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  const page = found.slice(0, filter.limit)
  const last = page.at(-1)
  return {
    events: page.map(recordOf),
    next: found.length > page.length && last !== undefined ? String(last.seq) : null,
  }
}

/** What the file can tell without reading the envelopes. */
function conditionsOf(filter: EventFilter): { readonly sql: string; readonly values: readonly (string | number)[] } {
  const conditions: [string, string | number | undefined][] = [
    ['e.environment = ?', filter.environment],
    ['e.source = ?', filter.source],
    ['e.key = ?', filter.key],
    ['e.user_id = ?', filter.userId],
    ['e.account_id = ?', filter.accountId],
    ['e.is_test = ?', filter.isTest === undefined ? undefined : Number(filter.isTest)],
    ['e.created_at >= ?', filter.since],
    ['e.created_at < ?', filter.until],
    ['e.type = ?', filter.type?.includes('*') === false ? filter.type : undefined],
    ["coalesce(p.status, 'pending') = ?", filter.status],
  ]
  const given = conditions.filter((each): each is [string, string | number] => each[1] !== undefined)
  return { sql: given.map(([text]) => ` AND ${text}`).join(''), values: given.map(([, value]) => value) }
}
