import type { DeadLetter, DeadLetterFilter } from '../../model/delivery/dead-letter.ts'
import { parkedKey } from '../../model/delivery/dead-letter.ts'
import { BingoError } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'

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

/** Throws BINGO_DEAD_LETTER_CORRUPT, naming the store. */
export function parseLetter(text: string, store: string): DeadLetter {
  try {
    return JSON.parse(text) as DeadLetter
  } catch (cause) {
    throw new BingoError('BINGO_DEAD_LETTER_CORRUPT', `A dead letter in ${store} is corrupt`, {
      hint: 'Remove the entry by hand, or set another deadLetters.store. Another program has written to the store.',
      cause,
    })
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
