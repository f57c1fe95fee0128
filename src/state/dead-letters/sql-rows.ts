import { marks, type SqlValue } from '../../clients/sql/session.ts'
import type { DeadLetter, DeadLetterFilter } from '../../model/delivery/dead-letter.ts'
import { columnText, hashOf, textOf } from '../sql/texts.ts'
import { corrupt, parkedKeyOf, parseLetter, serialiseLetter } from './letter.ts'

/** The columns of `values`, in order. */
export const INSERTED = 'id_hash, rule, schema_name, table_name, code, parked_hash, parked_key, created_at, bytes, body'

export interface LetterRow {
  readonly letter: DeadLetter
  readonly hash: string
  readonly parkedHash: string | null
  readonly bytes: number
  readonly body: string
  readonly values: readonly SqlValue[]
}

export function letterRow(letter: DeadLetter): LetterRow {
  const body = serialiseLetter(letter)
  const { id, ruleId, event, attempts, createdAt } = letter
  const parked = parkedKeyOf(letter)
  const [hash, parkedHash] = [hashOf(id), parked === null ? null : hashOf(parked)]
  const [schema, table] = [columnText(event.schema), columnText(event.table)]
  const bytes = Buffer.byteLength(body)
  const of = [hash, columnText(ruleId), schema, table, attempts.at(-1)?.code ?? null]
  const key = [parkedHash, parked === null ? null : columnText(parked)]
  return { letter, hash, parkedHash, bytes, body, values: [...of, ...key, createdAt, bytes, columnText(body)] }
}

/** Of a row with its `id_hash` and `body`. Throws BINGO_DEAD_LETTER_CORRUPT. */
export function letterOf(row: { readonly [column: string]: unknown }, store: string): DeadLetter {
  const letter = parseLetter({ text: textOf(row['body']) }, store)
  const hash = String(row['id_hash'])
  // By its id it would be neither found nor removed.
  if (hashOf(letter.id) !== hash) throw corrupt(undefined, store, `"${letter.id}" is not the id of its row, ${hash}`)
  return letter
}

/**
 * Which of them are new, and the ids of those that have nothing to wait behind, with what follows these on their key.
 * `known`, `parked`: what the store has of their ids and keys.
 */
export function sorted(
  rows: readonly LetterRow[],
  known: Set<string>,
  parked: Set<string>,
): { readonly taken: readonly LetterRow[]; readonly released: readonly string[] } {
  const taken: LetterRow[] = []
  const released: string[] = []
  const free = new Set<string>()
  for (const row of rows) {
    const { letter, hash, parkedHash } = row
    if (known.has(hash)) continue
    if (parkedHash !== null) {
      if (letter.state === 'parked' && !parked.has(parkedHash)) free.add(parkedHash)
      if (free.has(parkedHash)) {
        released.push(letter.id)
        continue
      }
      parked.add(parkedHash)
    }
    known.add(hash)
    taken.push(row)
  }
  return { taken, released }
}

/** What a filter asks for, but for its limit. */
export function conditions(filter: DeadLetterFilter): { readonly where: string; readonly values: readonly SqlValue[] } {
  const parts: string[] = []
  const values: SqlValue[] = []
  const add = (sql: string, ...given: readonly SqlValue[]): void => {
    parts.push(` AND ${sql}`)
    values.push(...given)
  }
  const { ids, rule, table, code, since, until } = filter
  if (ids !== undefined) add(`id_hash IN (${marks(ids.length)})`, ...ids.map(hashOf))
  if (rule !== undefined) add('rule = ?', columnText(rule))
  if (table !== undefined) {
    add("(table_name = ? OR concat(schema_name, '.', table_name) = ?)", columnText(table), columnText(table))
  }
  if (code !== undefined) add('code = ?', code)
  if (since !== undefined) add('created_at >= ?', since)
  if (until !== undefined) add('created_at <= ?', until)
  return { where: parts.join(''), values }
}
