import { sql } from '../../clients/kysely.ts'
import type { EventStore } from './store.ts'

/** When the next waiting event is due. */
export async function nextDueAt({ queries }: EventStore): Promise<number | null> {
  const row = await queries
    .selectFrom('bingo_event_schedule')
    .select('due_at')
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.due_at ?? null
}

/** Moves what is due into the log, in the order of the times. In a transaction. */
export async function moveDue(store: EventStore, now: number, limit: number): Promise<number> {
  const { queries } = store
  const head = await store.lockHead()
  const due = await queries
    .selectFrom('bingo_event_schedule')
    .select('event')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .orderBy('event')
    .limit(limit)
    .execute()
  if (due.length === 0) return 0
  const events = due.map(({ event }) => event)
  await store.append(events.map((event, i) => [head.place + 1 + i, event, now] as const))
  const places = sql.join(
    events.map((event, i) => sql`WHEN ${event} THEN ${head.place + 1 + i}`),
    sql` `,
  )
  await queries
    .updateTable('bingo_events')
    .set({ place: sql<number>`CAST(CASE seq ${places} END AS ${sql.raw(store.dialect.integer)})` })
    .where('seq', 'in', events)
    .execute()
  await queries.deleteFrom('bingo_event_schedule').where('due_at', '<=', now).where('event', 'in', events).execute()
  await store.saveHead({ ...head, place: head.place + events.length })
  return events.length
}
