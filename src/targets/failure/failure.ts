import type { DeliveryFailure } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import type { ReceiverAnswer } from '../../model/rule/outcome.ts'
import type { Kind } from './classify.ts'

/** A delivery failure with its error; `retryable` follows from the kind. */
export function deliveryFailure(
  kind: Kind,
  code: string,
  message: string,
  options: {
    hint?: string | undefined
    cause?: unknown
    retryAfterMs?: number | undefined
    answer?: ReceiverAnswer | undefined
    timedOut?: boolean
  } = {},
): DeliveryFailure {
  const { retryAfterMs, answer, timedOut, ...rest } = options
  const error = new BingoError(code, message, { ...rest, retryable: kind !== 'poison' })
  return {
    kind,
    error,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(answer && { answer }),
    ...(timedOut === true && { timedOut }),
  }
}

/** What a target's adapter threw, which it should not: counted as `kind`. */
export function thrownFailure(kind: Kind, thrown: unknown): DeliveryFailure {
  if (thrown instanceof BingoError) return { kind, error: thrown }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return { kind, error: new BingoError('BINGO_TARGET_FAILED', message, { retryable: true, cause: thrown }) }
}

/** Retry-After is honoured up to `maxMs` (`retry.max`). */
export function clampRetryAfter(failure: DeliveryFailure, maxMs: number): DeliveryFailure {
  if (failure.retryAfterMs === undefined) return failure
  return { ...failure, retryAfterMs: Math.min(failure.retryAfterMs, maxMs) }
}
