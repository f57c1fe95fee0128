import { isLoginRefused } from '../clients/redis/refusal.ts'
import { isRefusal } from '../clients/sql/refusal.ts'
import { BingoError } from '../model/errors.ts'

const CHECK_LOGIN = 'Check user, password, database and rights: the store refuses what its address names.'

/** Whether the store has refused the login, or a right: what a client threw, or why. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && (isRefusal(error) || isLoginRefused(error.message) || isRefused(error.cause))
}

/** A store that cannot be used now. A refusal that waiting does not change stays what it is. */
export function stateUnreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_STATE_UNREACHABLE', `The state store ${place} is unavailable: ${reason}`, {
    hint: isRefused(cause)
      ? CHECK_LOGIN
      : 'Check that the store is up, reachable and writable, and that its disk is not full.',
    retryable: true,
    cause,
  })
}

/** A lease whose store cannot be asked. */
export function leaseUnreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_LEASE_UNREACHABLE', `The lease store ${place} is unavailable: ${reason}`, {
    hint: isRefused(cause)
      ? CHECK_LOGIN
      : 'Check that the lease store (checkpoint.store) is up and reachable. BinGo delivers nothing without the lease.',
    retryable: true,
    cause,
  })
}
