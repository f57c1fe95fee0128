import { BingoError } from '../errors.ts'

/** `what`: `A waiting event in STORE`, or one by its id. */
export function waitingCorrupt(what: string, fault: string, cause?: unknown): BingoError {
  return new BingoError('BINGO_WAITING_CORRUPT', `${what} is corrupt: ${fault}`, {
    hint: 'Another program has written to the store. Restore it from a backup, or set another deadLetters.store and replay with `bingo position set`.',
    ...(cause !== undefined && { cause }),
  })
}
