import { marks, tuples, type SqlSession } from '../../../clients/sql/session.ts'
import type { WaitingShape } from '../../../model/delivery/waiting.ts'
import { columnText } from '../../sql/texts.ts'
import { shapeHash } from './rows.ts'
import { shapeText } from '../texts.ts'

interface Change {
  records: number
  bytes: number
  /** Null: only records that were there already have left it. */
  name: string | null
}

/** What a transaction changes of the totals, by line: counting a million rows for `status` would hold up the server. */
export class LineChanges {
  readonly #lines = new Map<string, Change>()

  add(line: string, records: number, bytes: number, name: string | null = null): void {
    const change = this.#lines.get(line) ?? { records: 0, bytes: 0, name: null }
    change.records += records
    change.bytes += bytes
    change.name ??= name
    this.#lines.set(line, change)
  }

  async write(session: SqlSession, instance: number, isMysql: boolean): Promise<void> {
    const named = [...this.#lines].filter(([, { name }]) => name !== null)
    if (named.length > 0) {
      const sums = isMysql
        ? 'ON DUPLICATE KEY UPDATE records = records + VALUES(records), bytes = bytes + VALUES(bytes)'
        : `ON CONFLICT (instance, line) DO UPDATE SET records = bingo_waiting_lines.records + excluded.records,
           bytes = bingo_waiting_lines.bytes + excluded.bytes`
      await session.run(
        `INSERT INTO bingo_waiting_lines (instance, line, name, records, bytes) VALUES ${tuples(named.length, 5)} ${sums}`,
        named.flatMap(([line, { records, bytes, name }]) => [instance, line, columnText(name!), records, bytes]),
      )
    }
    for (const [line, { records, bytes, name }] of this.#lines) {
      if (name !== null) continue
      const sql =
        'UPDATE bingo_waiting_lines SET records = records + ?, bytes = bytes + ? WHERE instance = ? AND line = ?'
      await session.run(sql, [records, bytes, instance, line])
    }
  }

  /** Lines without records, and what they were of, leave nothing behind. */
  async removeEmpty(session: SqlSession, instance: number): Promise<void> {
    const changed = [...this.#lines.keys()]
    if (changed.length === 0) return
    const { rows } = await session.run(
      `SELECT line FROM bingo_waiting_lines WHERE instance = ? AND records = 0 AND line IN (${marks(changed.length)})`,
      [instance, ...changed],
    )
    if (rows.length === 0) return
    const empty = [instance, ...rows.map(({ line }) => String(line))]
    for (const table of ['bingo_waiting_shapes', 'bingo_waiting_lines']) {
      await session.run(`DELETE FROM ${table} WHERE instance = ? AND line IN (${marks(rows.length)})`, empty)
    }
  }
}

/** Each shape once; one that is there already stays. */
export async function addShapes(
  session: SqlSession,
  instance: number,
  of: readonly { readonly line: string; readonly shape: WaitingShape }[],
  isMysql: boolean,
): Promise<void> {
  const shapes = new Map<string, readonly [line: string, hash: string, text: string]>()
  for (const { line, shape } of of) {
    const hash = shapeHash(shape)
    shapes.set(`${line} ${hash}`, [line, hash, columnText(shapeText(shape))])
  }
  if (shapes.size === 0) return
  const known = isMysql ? 'ON DUPLICATE KEY UPDATE shape = VALUES(shape)' : 'ON CONFLICT DO NOTHING'
  await session.run(
    `INSERT INTO bingo_waiting_shapes (instance, line, shape, body) VALUES ${tuples(shapes.size, 4)} ${known}`,
    [...shapes.values()].flatMap((values) => [instance, ...values]),
  )
}
