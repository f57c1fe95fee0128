import type { DatabaseSync } from 'node:sqlite'

/** Entries given to a reader at once, by number and, with large ones, by bytes. */
export const PAGE = 256

export const KEPT = `e.seq, e.place, e.created_at AS createdAt, e.envelope, p.data
  FROM events e LEFT JOIN progress p ON p.event = e.seq`

export type Statements = ReturnType<typeof prepare>

/** What is run often. */
export function prepare(database: DatabaseSync) {
  return {
    head: database.prepare('SELECT seq, place, trimmed, count, bytes FROM head'),
    saveHead: database.prepare('UPDATE head SET seq = ?, place = ?, trimmed = ?, count = ?, bytes = ?'),
    find: database.prepare(`SELECT ${KEPT} WHERE e.name = ?`),
    progressOf: database.prepare(`SELECT e.seq, e.created_at AS createdAt, p.data
      FROM events e LEFT JOIN progress p ON p.event = e.seq WHERE e.name = ?`),
    insert: database.prepare(
      'INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING',
    ),
    update: database.prepare(
      'UPDATE events SET place = ?, type = ?, source = ?, key = ?, user_id = ?, account_id = ?, is_test = ?, envelope = ? WHERE seq = ?',
    ),
    place: database.prepare('UPDATE events SET place = ? WHERE seq = ?'),
    append: database.prepare('INSERT INTO log VALUES (?, ?, ?)'),
    // One that was stored waiting and left in the same transaction is in it already.
    appendNew: database.prepare(
      'INSERT OR IGNORE INTO log SELECT place, seq, created_at FROM events WHERE seq > ? AND place > 0',
    ),
    schedule: database.prepare('INSERT INTO schedule VALUES (?, ?)'),
    unschedule: database.prepare('DELETE FROM schedule WHERE due_at = ? AND event = ?'),
    due: database.prepare(
      'SELECT due_at AS dueAt, event FROM schedule WHERE due_at <= ? ORDER BY due_at, event LIMIT ?',
    ),
    nextDue: database.prepare('SELECT min(due_at) AS at FROM schedule'),
    progress: database.prepare(
      'INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT (event) DO UPDATE SET status = excluded.status, data = excluded.data',
    ),
    newProgress: database.prepare('INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT (event) DO NOTHING'),
    firstProgress: database.prepare(
      `INSERT INTO progress
        SELECT seq, ?, '{"createdAt":' || created_at || ',"updatedAt":' || max(created_at, ?) || ',' || ?
        FROM events WHERE name = ? ON CONFLICT (event) DO NOTHING`,
    ),
    page: database.prepare(
      `SELECT l.place, e.type, e.key, e.source, l.appended_at AS appendedAt, e.envelope
       FROM log l JOIN events e ON e.seq = l.event WHERE l.place > ? AND l.place <= ? ORDER BY l.place LIMIT ${PAGE}`,
    ),
  }
}
