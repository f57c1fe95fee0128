import type { DeadLetter, DeadLetterFilter } from '../../model/delivery/dead-letter.ts'
import { parkedKey } from '../../model/delivery/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import { readStored } from '../../model/json/stored.ts'
import { LETTER } from './letter-fault.ts'

/** What a store may hold; `add` refuses what would go beyond (`maxAgeMs`: older entries are removed instead). */
export interface DeadLetterLimits {
  readonly maxCount: number
  /** Of the entries as JSON. */
  readonly maxBytes: number
  /** Infinity keeps entries until someone handles them. */
  readonly maxAgeMs: number
}

export function serialiseLetter(letter: DeadLetter): string {
  return stringifyValue(letter)
}

/** An entry as a store keeps it. Undefined where a store has it in the text alone. */
export interface KeptLetter {
  readonly id?: string | undefined
  readonly text: string
}

/** Throws BINGO_DEAD_LETTER_CORRUPT, naming the entry and the store: people and programs write to stores, too. */
export function parseLetter({ id, text }: KeptLetter, store: string): DeadLetter {
  const letter = readStored<DeadLetter>(text, LETTER, (fault, cause) => corrupt(id ?? idIn(text), store, fault, cause))
  if (id !== undefined && letter.id !== id) throw corrupt(id, store, `id is ${JSON.stringify(letter.id)}`)
  return letter
}

/** Stands first in what `serialiseLetter` writes. */
function idIn(text: string): string | undefined {
  const [, id] = /^\s*\{\s*"id"\s*:\s*"((?:[^"\\]|\\.)+)"/.exec(text) ?? []
  return id
}

export function corrupt(id: string | undefined, store: string, fault: string, cause?: unknown): BingoError {
  const which = id === undefined ? 'A dead letter' : `The dead letter "${id}"`
  const drop = id === undefined ? 'delete it there' : `drop it by its id: bingo dead-letters drop '${id}'`
  return new BingoError('BINGO_DEAD_LETTER_CORRUPT', `${which} in ${store} is corrupt: ${fault}`, {
    hint: `Correct it in the store, or ${drop}. Another program has written to the store.`,
    ...(cause !== undefined && { cause }),
  })
}

/** When an entry was written; null where the text does not say so. */
export function createdAtIn(text: string): number | null {
  try {
    return parseLetter({ text }, '').createdAt
  } catch {
    return null
  }
}

/** The row key that an entry parks, or waits behind; null when it does neither. */
export function parkedKeyOf(letter: DeadLetter): string | null {
  return letter.state === 'skip' ? null : parkedKey(letter.ruleId, letter.rowKey)
}

/** `limit` is not looked at. `table` is `users` or `shop.users`. */
export function matchesFilter(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  if (filter.ids !== undefined && !filter.ids.includes(letter.id)) return false
  if (filter.rule !== undefined && letter.ruleId !== filter.rule) return false
  if (filter.code !== undefined && letter.attempts.at(-1)?.code !== filter.code) return false
  if (filter.since !== undefined && letter.createdAt < filter.since) return false
  if (filter.until !== undefined && letter.createdAt > filter.until) return false
  const { schema, table } = letter.event
  return filter.table === undefined || filter.table === table || filter.table === `${schema}.${table}`
}

/** The entries that a filter lets through, up to its limit. */
export async function* filtered(
  letters: AsyncIterable<DeadLetter>,
  filter: DeadLetterFilter,
): AsyncIterable<DeadLetter> {
  let left = filter.limit ?? Infinity
  if (left <= 0) return
  for await (const letter of letters) {
    if (!matchesFilter(letter, filter)) continue
    yield letter
    left -= 1
    if (left <= 0) return
  }
}

export function full(store: string): BingoError {
  return new BingoError('BINGO_DEAD_LETTERS_FULL', `The dead-letter store ${store} is full`, {
    hint: 'Run `bingo dead-letters list`, then retry or drop entries, or raise deadLetters.maxCount or maxBytes. BinGo waits and drops nothing.',
    retryable: true,
  })
}

export function unreachable(store: string, cause: unknown): BingoError {
  if (cause instanceof BingoError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_DEAD_LETTERS_UNREACHABLE', `The dead-letter store ${store} is unavailable: ${reason}`, {
    hint: 'Check that the store is up, writable and not full.',
    retryable: true,
    cause,
  })
}
