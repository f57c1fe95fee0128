import { BingoError } from '../model/errors.ts'

/** A store that cannot be used now. A refusal that waiting does not change stays what it is. */
export function stateUnreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_STATE_UNREACHABLE', `The state in ${place} cannot be used now: ${reason}`, {
    hint: 'Check that the store is up, reachable and writable, and that there is room on its disk.',
    retryable: true,
    cause,
  })
}

/** A lease whose store cannot be asked. */
export function leaseUnreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_LEASE_UNREACHABLE', `The lease in ${place} cannot be asked for: ${reason}`, {
    hint: 'Check that the store of the lease (checkpoint.store) is up and reachable. Without the lease nothing is delivered.',
    retryable: true,
    cause,
  })
}
