import { decodeEnvelope } from '../../../model/event/forms/event-codec.ts'
import { lockGroup } from './group-turn.ts'
import { partitionOf } from './partitions.ts'
import type { Share } from './partitions.ts'
import { AHEAD_COLUMNS, bytesOf } from '../rows.ts'
import type { EventStore } from '../store.ts'

/** Places that are acknowledged behind the first one that is not, looked at in one query. */
const PAGE = 2_000

export interface Saved {
  /** Of partitions that this instance holds. */
  readonly places: readonly number[]
  readonly upTo: number
  readonly mayBeAhead: boolean
}

/**
 * Writes what is acknowledged of the partitions that this instance holds: the tables say so in the same transaction, so an
 * instance that comes back late changes nothing.
 */
export async function saveAcks(
  store: EventStore,
  name: string,
  holder: string,
  share: Share,
  places: readonly number[],
): Promise<Saved> {
  const { queries, dialect } = store
  const upTo = await lockGroup(store, name)
  const rows = await queries
    .selectFrom('bingo_event_partitions')
    .select('part')
    .where('name', '=', name)
    .where('holder', '=', holder)
    .execute()
  const held = new Set(rows.map(({ part }) => part))
  const parts = await partitionsOf(store, share, places)
  // What everybody has acknowledged may be trimmed, and is nobody's any more.
  const own = places.filter((place) => place <= upTo || held.has(parts.get(place) ?? -1))
  const fresh = new Set(own.filter((place) => place > upTo))
  const isAlone = held.size === share.partitions
  // Nobody else has acknowledged anything: there is nothing to look up.
  const isKnown = isAlone && !share.mayBeAhead
  const { end, isRead } = isKnown ? { end: endOf(upTo, fresh), isRead: true } : await runFrom(store, name, upTo, fresh)
  if (end > upTo) {
    await queries.updateTable('bingo_event_groups').set({ up_to: end }).where('name', '=', name).execute()
    if (!isKnown) {
      await queries.deleteFrom('bingo_event_ahead').where('name', '=', name).where('place', '<=', end).execute()
    }
  }
  const ahead = [...fresh].filter((place) => place > end)
  if (ahead.length > 0) {
    const values = ahead.map((place) => [name, place])
    await queries.executeQuery(dialect.insert('bingo_event_ahead', AHEAD_COLUMNS, values, { key: 'name', replace: [] }))
  }
  return { places: own, upTo: end, mayBeAhead: ahead.length > 0 || !isRead || !isAlone }
}

function endOf(upTo: number, places: ReadonlySet<number>): number {
  let end = upTo
  while (places.has(end + 1)) end += 1
  return end
}

/** Up to where everything is acknowledged, with what other instances have acknowledged. */
async function runFrom(
  { queries }: EventStore,
  name: string,
  upTo: number,
  fresh: ReadonlySet<number>,
): Promise<{ readonly end: number; readonly isRead: boolean }> {
  let end = upTo
  const places = new Set(fresh)
  for (;;) {
    const rows = await queries
      .selectFrom('bingo_event_ahead')
      .select('place')
      .where('name', '=', name)
      .where('place', '>', end)
      .orderBy('place')
      .limit(PAGE)
      .execute()
    for (const { place } of rows) places.add(place)
    const before = end
    end = endOf(end, places)
    const last = rows.at(-1)?.place ?? 0
    // What stands behind a gap need not be looked at.
    if (rows.length < PAGE || end === before || end < last) return { end, isRead: last <= end }
  }
}

/** Most were given to the reader here; the others are looked up. */
async function partitionsOf(
  { queries }: EventStore,
  share: Share,
  places: readonly number[],
): Promise<Map<number, number>> {
  const parts = new Map<number, number>()
  const unknown: number[] = []
  for (const place of places) {
    const part = share.partitionOf(place)
    if (part === undefined) unknown.push(place)
    else parts.set(place, part)
  }
  if (unknown.length === 0) return parts
  const rows = await queries
    .selectFrom('bingo_event_log as l')
    .innerJoin('bingo_events as e', 'e.seq', 'l.event')
    .select(['l.place', 'e.envelope'])
    .where('l.place', 'in', unknown)
    .execute()
  for (const { place, envelope } of rows) {
    const { key } = decodeEnvelope(bytesOf(envelope))
    parts.set(place, partitionOf({ key, place: String(place) }, share.partitions))
  }
  return parts
}
