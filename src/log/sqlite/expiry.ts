import type { EventTables } from './event-tables.ts'

/** Events looked at in one transaction. */
const WINDOW = 2_000
const ENDED = `p.status IN ('completed', 'failed', 'cancelled')`

/** Removes ended events that were created before, without an entry in the log; a part at a time. */
export async function removeEnded(
  createdBefore: number,
  write: <T>(work: (tables: EventTables) => T) => Promise<T>,
): Promise<number> {
  let removed = 0
  for (let after: number | null = 0; after !== null;) {
    const from: number = after
    const step = await write((tables) => removeFrom(tables, from, createdBefore))
    removed += step.removed
    after = step.next
  }
  return removed
}

/** `next`: where to go on; null: what follows is younger. */
function removeFrom({ database, head }: EventTables, after: number, createdBefore: number) {
  const window = database
    .prepare(`SELECT max(seq) AS last, sum(created_at < ?) AS old
      FROM (SELECT seq, created_at FROM events WHERE seq > ? ORDER BY seq LIMIT ${WINDOW})`)
    .get(createdBefore, after) as unknown as { last: number | null; old: number | null }
  if (window.last === null || window.old === 0) return { removed: 0, next: null }
  const rows = database
    .prepare(`SELECT e.seq, length(e.envelope) AS bytes FROM events e JOIN progress p ON p.event = e.seq
      WHERE e.seq > ? AND e.seq <= ? AND e.created_at < ? AND e.place <= ? AND ${ENDED}`)
    .all(after, window.last, createdBefore, head.trimmed) as unknown as { seq: number; bytes: number }[]
  const remove = database.prepare('DELETE FROM events WHERE seq = ?')
  const forget = database.prepare('DELETE FROM progress WHERE event = ?')
  for (const { seq, bytes } of rows) {
    remove.run(seq)
    forget.run(seq)
    head.count -= 1
    head.bytes -= bytes
  }
  return { removed: rows.length, next: window.last }
}
