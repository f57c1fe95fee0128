import type { DeliveryFailure } from '../../model/action.ts'
import { BingoError } from '../../model/errors.ts'
import type { Kind } from './classify.ts'

/** A delivery failure with its error; `retryable` follows from the kind. */
export function deliveryFailure(
  kind: Kind,
  code: string,
  message: string,
  options: { hint?: string | undefined; cause?: unknown; retryAfterMs?: number | undefined } = {},
): DeliveryFailure {
  const { retryAfterMs, ...rest } = options
  const error = new BingoError(code, message, { ...rest, retryable: kind !== 'poison' })
  return retryAfterMs === undefined ? { kind, error } : { kind, error, retryAfterMs }
}

/** `message` of anything thrown, with the causes inside it: clients wrap what the socket said. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause
  const text = error.message || error.name
  return inner instanceof Error && inner.message !== '' && !text.includes(inner.message)
    ? `${text}: ${inner.message}`
    : text
}

/** `code` of a Node.js or client error. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
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
