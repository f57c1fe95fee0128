import { marks, tuples, type SqlRow, type SqlSession, type SqlValue } from '../../../clients/sql/session.ts'
import type { StoredRecord } from '../../../model/delivery/waiting.ts'
import { columnText, textOf, textOrNull } from '../../sql/texts.ts'
import { addShapes, LineChanges } from './lines.ts'
import { COLUMNS, dropPlaces, rowHash, shapeHash } from './rows.ts'

const KEPT = 'seq, id_hash, id, line, base_ms, bytes, rest'

/** Gives what stands at these places another shape, row and event: it leaves, and comes again at its place. */
export async function replaceSome(
  session: SqlSession,
  instance: number,
  records: readonly StoredRecord[],
  isMysql: boolean,
): Promise<void> {
  const given = new Map(records.map((record) => [record.seq, record]))
  const { rows } = await session.run(
    `SELECT ${KEPT} FROM bingo_waiting WHERE instance = ? AND seq IN (${marks(given.size)})`,
    [instance, ...given.keys()],
  )
  if (rows.length === 0) return
  const changes = new LineChanges()
  const replaced = rows.map((row) => ({ row, record: given.get(Number(row['seq']))! }))
  for (const { row, record } of replaced) {
    changes.add(String(row['line']), 0, Buffer.byteLength(record.event) - Number(row['bytes']))
  }
  await dropPlaces(session, instance, [...given.keys()])
  const shapes = replaced.map(({ row, record }) => ({ line: String(row['line']), shape: record.shape }))
  await addShapes(session, instance, shapes, isMysql)
  await session.run(
    `INSERT INTO bingo_waiting (${COLUMNS}) VALUES ${tuples(rows.length, 12)}`,
    replaced.flatMap(({ row, record }) => [instance, ...valuesOf(row, record)]),
  )
  await changes.write(session, instance, isMysql)
}

function valuesOf(row: SqlRow, { seq, line, shape, rowKey, event }: StoredRecord): readonly SqlValue[] {
  const kept = [seq, String(row['id_hash']), columnText(textOf(row['id'])), String(row['line'])]
  const now = [shapeHash(shape), rowHash(line, rowKey), columnText(rowKey)]
  const bytes = Buffer.byteLength(event)
  return [...kept, ...now, Number(row['base_ms']), bytes, columnText(event), textOrNull(row['rest'])]
}
