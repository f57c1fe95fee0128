import { BingoError } from '../errors.ts'
import type { Check } from '../json/shape.ts'
import { readStored } from '../json/stored.ts'
import type { StateStore, Versioned } from './state.ts'

/** A value that BinGo itself keeps under the key, as JSON. Throws BINGO_STATE_CORRUPT, naming the key and what is wrong. */
export function stateValue<T>(
  { description }: Pick<StateStore, 'description'>,
  key: string,
  { value }: Versioned,
  check: Check,
): T {
  return readStored<T>(value, check, (fault, cause) => stateCorrupt(`${description} ${key}`, fault, cause))
}

export function stateCorrupt(place: string, fault: string, cause?: unknown): BingoError {
  return new BingoError('BINGO_STATE_CORRUPT', `The state in ${place} is corrupt: ${fault}`, {
    hint: 'Another program has written to the store. Correct the value there, or restore it from a backup.',
    ...(cause !== undefined && { cause }),
  })
}
