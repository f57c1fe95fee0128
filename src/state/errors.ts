import { BingoError } from '../model/errors.ts'

/** What Redis, MySQL and PostgreSQL say of a login, and of a right. */
const REFUSED =
  /NOAUTH|WRONGPASS|NOPERM|access denied|command denied|authentication failed|permission denied for|role .* does not exist/i
const CHECK_LOGIN = 'Check user, password and rights: the store refuses what its address names.'

/** A store that cannot be used now. A refusal that waiting does not change stays what it is. */
export function stateUnreachable(place: string, cause: unknown): BingoError {
  if (cause instanceof BingoError && !cause.retryable) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new BingoError('BINGO_STATE_UNREACHABLE', `The state store ${place} is unavailable: ${reason}`, {
    hint: REFUSED.test(reason)
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
    hint: REFUSED.test(reason)
      ? CHECK_LOGIN
      : 'Check that the lease store (checkpoint.store) is up and reachable. BinGo delivers nothing without the lease.',
    retryable: true,
    cause,
  })
}
