import type { EventDatabase } from './database.ts'
import { EventStore } from './store.ts'

/** Events looked at, and removed in one transaction at most. */
const WINDOW = 2_000

/** Removes ended events that were created before, without an entry in the log; a part at a time. */
export async function removeEnded(createdBefore: number, database: EventDatabase): Promise<number> {
  let removed = 0
  let after = 0
  for (;;) {
    const from = after
    const upTo = await database.use((queries, dialect) =>
      windowBehind(new EventStore(queries, dialect), from, createdBefore),
    )
    if (upTo === null) return removed
    removed += await database.transaction((store) => removeFrom(store, from, upTo, createdBefore))
    after = upTo
  }
}

/** The end of a window that holds an old event; null: what follows is younger. */
async function windowBehind({ queries }: EventStore, after: number, createdBefore: number): Promise<number | null> {
  const rows = await queries
    .selectFrom('bingo_events')
    .select(['seq', 'created_at'])
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(WINDOW)
    .execute()
  return rows.some(({ created_at }) => created_at < createdBefore) ? rows.at(-1)!.seq : null
}

async function removeFrom(store: EventStore, after: number, upTo: number, createdBefore: number): Promise<number> {
  const { queries } = store
  const head = await store.lockHead()
  const rows = await queries
    .selectFrom('bingo_events as e')
    .innerJoin('bingo_event_progress as p', 'p.event', 'e.seq')
    .select(['e.seq', 'e.bytes'])
    .where('e.seq', '>', after)
    .where('e.seq', '<=', upTo)
    .where('e.created_at', '<', createdBefore)
    .where('e.place', '<=', head.trimmed)
    .where('p.status', 'in', ['completed', 'failed', 'cancelled'])
    .execute()
  if (rows.length === 0) return 0
  const seqs = rows.map(({ seq }) => seq)
  await queries.deleteFrom('bingo_events').where('seq', 'in', seqs).execute()
  await queries.deleteFrom('bingo_event_progress').where('event', 'in', seqs).execute()
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0)
  await store.saveHead({ ...head, count: head.count - rows.length, bytes: head.bytes - bytes })
  return rows.length
}
