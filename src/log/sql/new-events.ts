import { CompiledQuery } from '../../clients/kysely.ts'
import type { NewEvents } from '../batched-posts.ts'
import type { Bounds } from '../posting.ts'
import { EVENT_COLUMNS, eventRow } from './rows.ts'

const NAMES = EVENT_COLUMNS.map(([name]) => name).join(', ')
/** Behind `seq`, `name` and `place`. */
const REST = EVENT_COLUMNS.slice(3)
  .map(([name]) => `n.${name}`)
  .join(', ')

/**
 * One round trip for a whole transaction: the head is locked and moved on, and everything is numbered behind what it was.
 * Without room the variables stay NULL, which the first INSERT refuses; after an error the rest is not run.
 */
export function insertNewMysql({ inserts, added }: NewEvents, bounds: Bounds): CompiledQuery {
  const values: string[] = []
  const rows = inserts.map((insert) => {
    const [seq, name, place, ...rest] = eventRow(insert)
    const fields = [name, ...rest].map((value) => {
      if (typeof value !== 'string') return String(value)
      values.push(value)
      return '?'
    })
    return `(@seq+${seq},${fields[0]},${place === 0 ? '0' : `@place+${place}`},${fields.slice(1).join(',')})`
  })
  const left = inserts.filter(({ kept }) => kept.place > 0)
  const waiting = inserts.filter(({ kept }) => kept.place === 0)
  const entries = left.map(
    ({ kept: { seq, place, progress } }) => `(@place+${place},@seq+${seq},${progress.createdAt})`,
  )
  const times = waiting.map(({ kept: { seq, event } }) => `(${event.deliverAt},@seq+${seq})`)
  const { maxEvents, maxBytes } = finite(bounds)
  return CompiledQuery.raw(
    [
      'SET @seq = NULL, @place = NULL',
      'START TRANSACTION',
      `SELECT seq, place INTO @seq, @place FROM bingo_event_head
        WHERE events + ${added.count} <= ${maxEvents} AND bytes + ${added.bytes} <= ${maxBytes} FOR UPDATE`,
      `INSERT INTO bingo_events (${NAMES}) VALUES ${rows.join(',')}`,
      ...(entries.length === 0
        ? []
        : [`INSERT INTO bingo_event_log (place, event, appended_at) VALUES ${entries.join(',')}`]),
      ...(times.length === 0 ? [] : [`INSERT INTO bingo_event_schedule (due_at, event) VALUES ${times.join(',')}`]),
      `UPDATE bingo_event_head SET seq = @seq + ${added.seq}, place = @place + ${added.place},
        events = events + ${added.count}, bytes = bytes + ${added.bytes}`,
      'COMMIT',
    ].join(';'),
    values,
  )
}

const LISTS = [...EVENT_COLUMNS.map(([, type], i) => `$${i + 1}::${type}[]`), `$${EVENT_COLUMNS.length + 1}::bigint[]`]
/** Behind the lists: what is added, and the bounds. */
const [SEQ, PLACE, COUNT, BYTES, MAX_EVENTS, MAX_BYTES] = Array.from(
  { length: 6 },
  (_, i) => `$${LISTS.length + 1 + i}::bigint`,
)

/** Answers no row where there is no room. Its text is always the same, so that a server need not plan it each time. */
export const INSERT_NEW_POSTGRES = `WITH head AS (
  UPDATE bingo_event_head SET seq = seq + ${SEQ}, place = place + ${PLACE}, events = events + ${COUNT}, bytes = bytes + ${BYTES}
  WHERE events + ${COUNT} <= ${MAX_EVENTS} AND bytes + ${BYTES} <= ${MAX_BYTES}
  RETURNING seq - ${SEQ} AS seq, place - ${PLACE} AS place
), n AS (
  SELECT * FROM unnest(${LISTS.join(', ')}) AS n (${NAMES}, due_at)
), stored AS (
  INSERT INTO bingo_events (${NAMES})
  SELECT head.seq + n.seq, n.name, CASE n.place WHEN 0 THEN 0 ELSE head.place + n.place END, ${REST} FROM head, n
), entered AS (
  INSERT INTO bingo_event_log (place, event, appended_at) SELECT head.place + n.place, head.seq + n.seq, n.created_at FROM head, n WHERE n.place > 0
), scheduled AS (
  INSERT INTO bingo_event_schedule (due_at, event) SELECT n.due_at, head.seq + n.seq FROM head, n WHERE n.place = 0
)
SELECT seq FROM head`

/** The same in one statement. */
export function insertNewPostgres({ inserts, added }: NewEvents, bounds: Bounds): CompiledQuery {
  const rows = inserts.map(eventRow)
  const columns = EVENT_COLUMNS.map((_, i) => rows.map((row) => row[i]))
  const dueAt = inserts.map(({ kept }) => (kept.place === 0 ? kept.event.deliverAt : null))
  const { maxEvents, maxBytes } = finite(bounds)
  const { seq, place, count, bytes } = added
  return CompiledQuery.raw(INSERT_NEW_POSTGRES, [...columns, dueAt, seq, place, count, bytes, maxEvents, maxBytes])
}

function finite({ maxEvents, maxBytes }: Bounds): Bounds {
  const most = Number.MAX_SAFE_INTEGER
  return { maxEvents: Math.floor(Math.min(maxEvents, most)), maxBytes: Math.floor(Math.min(maxBytes, most)) }
}
