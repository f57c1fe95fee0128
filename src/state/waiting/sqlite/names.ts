import type { DatabaseSync } from 'node:sqlite'
import type { WaitingRecord, WaitingShape } from '../../../model/delivery/waiting.ts'
import { shapeText } from '../texts.ts'

/** The numbers that lines and shapes have in the file. To be forgotten when a transaction is undone. */
export class Names {
  readonly #lineIds = new Map<string, number>()
  /** By line and text. */
  readonly #shapeIds = new Map<number, Map<string, number>>()

  forget(): void {
    this.#lineIds.clear()
    this.#shapeIds.clear()
  }

  line(database: DatabaseSync, name: string): number {
    let id = this.#lineIds.get(name)
    if (id === undefined) {
      database
        .prepare('INSERT INTO waiting_lines (name, count, bytes) VALUES (?, 0, 0) ON CONFLICT DO NOTHING')
        .run(name)
      id = database.prepare('SELECT id FROM waiting_lines WHERE name = ?').get(name)!['id'] as number
      this.#lineIds.set(name, id)
    }
    return id
  }

  /** Null: nothing was ever added to it. */
  knownLine(database: DatabaseSync, name: string): number | null {
    const found = database.prepare('SELECT id FROM waiting_lines WHERE name = ?').get(name)
    return found === undefined ? null : (found['id'] as number)
  }

  /** To be called before anything of these records is written: what is not needed any more leaves. */
  prepare(database: DatabaseSync, records: readonly Pick<WaitingRecord, 'line' | 'shape'>[]): void {
    const needed = new Map<number, Set<string>>()
    let last: Pick<WaitingRecord, 'line' | 'shape'> | null = null
    for (const record of records) {
      if (record.line === last?.line && record.shape === last.shape) continue
      last = record
      const line = this.line(database, record.line)
      const texts = needed.get(line)
      if (texts === undefined) needed.set(line, new Set([shapeText(record.shape)]))
      else texts.add(shapeText(record.shape))
    }
    for (const [line, texts] of needed) this.#prepareLine(database, line, texts)
  }

  /** Of a shape that was prepared. */
  shape(line: number, shape: WaitingShape): number {
    return this.#shapeIds.get(line)!.get(shapeText(shape))!
  }

  #prepareLine(database: DatabaseSync, line: number, texts: ReadonlySet<string>): void {
    let ids = this.#shapeIds.get(line)
    if (ids === undefined) this.#shapeIds.set(line, (ids = new Map()))
    const isNew = [...texts].some((text) => !ids.has(text))
    if (!isNew) return
    // What the line kept of records that have all left says nothing any more.
    const forgotten = database
      .prepare(
        `DELETE FROM waiting_shapes WHERE line = ?1 AND NOT EXISTS (SELECT 1 FROM waiting WHERE line = ?1)
         AND NOT EXISTS (SELECT 1 FROM waiting_blocks WHERE line = ?1)`,
      )
      .run(line).changes
    if (forgotten > 0) ids.clear()
    const insert = database.prepare('INSERT INTO waiting_shapes (line, body) VALUES (?, ?) ON CONFLICT DO NOTHING')
    const find = database.prepare('SELECT id FROM waiting_shapes WHERE line = ? AND body = ?')
    for (const text of texts) {
      if (ids.has(text)) continue
      insert.run(line, text)
      ids.set(text, find.get(line, text)!['id'] as number)
    }
  }
}
