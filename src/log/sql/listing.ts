import type { Kysely } from 'kysely'
import type { EventFilter, EventPage } from '../../model/state/event-provider.ts'
import { filterOf } from '../filter.ts'
import { placeNumber } from '../places.ts'
import { recordOf } from '../posting.ts'
import type { Kept } from '../posting.ts'
import { keptOf } from './rows.ts'
import { indexed } from './tables.ts'
import type { EventTables } from './tables.ts'

/** Rows that fit so far, but may not by their type. */
const CANDIDATES = 500

export async function listEvents(filter: EventFilter, queries: Kysely<EventTables>): Promise<EventPage> {
  const fits = filterOf(filter)
  const found: Kept[] = []
  let before = filter.cursor === undefined ? Number.MAX_SAFE_INTEGER : placeNumber(filter.cursor)
  while (found.length <= filter.limit) {
    const rows = await candidates(filter, queries, before)
    for (const row of rows) {
      const kept = keptOf(row)
      if (found.length <= filter.limit && fits(recordOf(kept))) found.push(kept)
    }
    if (rows.length < CANDIDATES) break
    before = rows.at(-1)!.seq
  }
  const page = found.slice(0, filter.limit)
  const last = page.at(-1)
  return {
    events: page.map(recordOf),
    next: found.length > page.length && last !== undefined ? String(last.seq) : null,
  }
}

/** The newest ones before, by what the columns can tell. */
function candidates(filter: EventFilter, queries: Kysely<EventTables>, before: number) {
  const { status, type, source, key, userId, accountId, environment, isTest, since, until } = filter
  let query = queries
    .selectFrom('bingo_events as e')
    .leftJoin('bingo_event_progress as p', 'p.event', 'e.seq')
    .select(['e.seq', 'e.place', 'e.created_at', 'e.bytes', 'e.envelope', 'p.data'])
    .where('e.seq', '<', before)
  if (status === 'pending')
    query = query.where((where) => where.or([where('p.status', 'is', null), where('p.status', '=', status)]))
  else if (status !== undefined) query = query.where('p.status', '=', status)
  if (type?.includes('*') === false) query = query.where('e.type', '=', indexed(type))
  if (source !== undefined) query = query.where('e.source', '=', indexed(source))
  if (key !== undefined) query = query.where('e.event_key', '=', indexed(key))
  if (userId !== undefined) query = query.where('e.user_id', '=', indexed(userId))
  if (accountId !== undefined) query = query.where('e.account_id', '=', indexed(accountId))
  if (environment !== undefined) query = query.where('e.environment', '=', indexed(environment))
  if (isTest !== undefined) query = query.where('e.is_test', '=', Number(isTest))
  if (since !== undefined) query = query.where('e.created_at', '>=', since)
  if (until !== undefined) query = query.where('e.created_at', '<', until)
  return query.orderBy('e.seq', 'desc').limit(CANDIDATES).execute()
}
