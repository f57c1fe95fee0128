import { BingoError } from '../model/errors.ts'

/** A store that cannot be used now. A refusal that waiting does not change stays what it is. */
export function stateUnreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_STATE_UNREACHABLE', `The state store ${place} is unavailable: ${reason}`, {
    hint: 'Check that the store is up, reachable and writable, and that its disk is not full.',
    retryable: true,
    cause,
  })
}

/** A lease whose store cannot be asked. */
export function leaseUnreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_LEASE_UNREACHABLE', `The lease store ${place} is unavailable: ${reason}`, {
    hint: 'Check that the lease store (checkpoint.store) is up and reachable. BinGo delivers nothing without the lease.',
    retryable: true,
    cause,
  })
}
