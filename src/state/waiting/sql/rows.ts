import type { SqlRow, SqlSession, SqlValue } from '../../../clients/sql/session.ts'
import { marks } from '../../../clients/sql/session.ts'
import { isKeyed } from '../../../model/delivery/waiting.ts'
import type { WaitingRecord, WaitingShape } from '../../../model/delivery/waiting.ts'
import { chunksOf, columnText, hashOf } from '../../sql/texts.ts'
import { restText, shapeText } from '../texts.ts'

/** Rows, ids or places of one statement. */
export const AT_ONCE = 200

export const COLUMNS = 'instance, seq, id_hash, id, line, shape, row_hash, row_key, base_ms, bytes, event, rest'

/** A record on its way into the table. */
export interface NewRow {
  readonly idHash: string
  readonly line: string
  readonly lineName: string
  readonly shape: WaitingShape
  readonly bytes: number
  readonly length: number
  /** All of COLUMNS but the first two. */
  readonly values: readonly SqlValue[]
}

const shapeHashes = new WeakMap<WaitingShape, string>()

/** Stands for the text of a shape: it never changes, so that it may be read at another moment than the record. */
export function shapeHash(shape: WaitingShape): string {
  let hash = shapeHashes.get(shape)
  if (hash === undefined) shapeHashes.set(shape, (hash = hashOf(shapeText(shape))))
  return hash
}

/** Of a line whose records are found by their row. */
export function rowHash(line: string, rowKey: string): string | null {
  return isKeyed(line) ? hashOf(`${line}\n${rowKey}`) : null
}

export function newRow(record: WaitingRecord): NewRow {
  const { id, line: lineName, shape, rowKey, baseMs, event } = record
  const [idHash, line, bytes] = [hashOf(id), hashOf(lineName), Buffer.byteLength(event)]
  const of = [idHash, columnText(id), line, shapeHash(shape), rowHash(lineName, rowKey), columnText(rowKey)]
  const values = [...of, baseMs, bytes, columnText(event), restText(record)]
  return { idHash, line, lineName, shape, bytes, length: event.length, values }
}

/** What stands at a place. */
export interface Standing {
  readonly seq: number
  readonly idHash: string
  readonly line: string
  readonly bytes: number
}

export async function standing(
  session: SqlSession,
  instance: number,
  column: 'id_hash' | 'seq',
  values: readonly SqlValue[],
): Promise<readonly Standing[]> {
  const found: Standing[] = []
  for (const some of chunksOf([...new Set(values)], AT_ONCE)) {
    const { rows } = await session.run(
      `SELECT seq, id_hash, line, bytes FROM bingo_waiting WHERE instance = ? AND ${column} IN (${marks(some.length)})`,
      [instance, ...some],
    )
    found.push(...rows.map(standingOf))
  }
  return found
}

function standingOf(row: SqlRow): Standing {
  return {
    seq: Number(row['seq']),
    idHash: String(row['id_hash']),
    line: String(row['line']),
    bytes: Number(row['bytes']),
  }
}

export async function dropPlaces(session: SqlSession, instance: number, places: readonly number[]): Promise<void> {
  for (const some of chunksOf(places, AT_ONCE)) {
    const sql = `DELETE FROM bingo_waiting WHERE instance = ? AND seq IN (${marks(some.length)})`
    await session.run(sql, [instance, ...some])
  }
}
