import { isLoginRefused } from '../../../clients/redis/refusal.ts'
import { BingoError } from '../../../model/errors.ts'
import { brokerRefused, CHECK_LOGIN, connectionError } from '../errors.ts'

const RIGHTS =
  'Grant the user XREADGROUP, XACK, XCLAIM, XPENDING, XINFO, XGROUP, SCAN, TYPE and EVAL on the streams and on STREAM:bingo-reader:GROUP.'

/** What an error of the client, or of a connection that is down, means for whoever reads. */
export function redisReadError(description: string, error: unknown): BingoError {
  // A connection that is down is reported as that of this source.
  if (error instanceof BingoError && !error.retryable) return error
  const reason = error instanceof BingoError && error.cause instanceof Error ? error.cause : error
  const why = reason instanceof Error ? reason.message : String(reason)
  if (why.startsWith('NOPERM')) return brokerRefused(description, why, RIGHTS, error)
  if (isLoginRefused(why)) return brokerRefused(description, why, CHECK_LOGIN, error)
  return connectionError(description, why, error)
}
