import { isCertificateRefused } from '../../clients/certificate-refused.ts'
import { BingoError } from '../../model/errors.ts'
import { certificateRefused, engineRefused } from '../errors.ts'

const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/WRONGPASS|NOAUTH|ERR (invalid password|AUTH|Client sent AUTH)/, 'Check user and password of `events.store`.'],
  [
    /NOPERM|can't run this command|No permissions/i,
    'Grant the user of `events.store`: ~bingo-events:* +@read +@write +@scripting +@connection +info +config|get +wait +waitaof +time',
  ],
]
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/MISCONF/, 'Free space on the disk of the Redis server, and see its log.'],
  [/READONLY/, 'Use the address of the master, or of Sentinels: this server is a replica.'],
  [/LOADING/, 'Wait until Redis has read its files.'],
  [/unknown command.*(waitaof|wait)/i, 'Remove `?durability=fsync`, or use Redis 7.2 or newer.'],
]

/** What an error of the client or of a script means for who uses the log. */
export function redisError(log: string, error: unknown): BingoError {
  const reason = error instanceof Error && error.message !== '' ? error.message : String(error)
  if (error instanceof BingoError)
    return error.code === 'BINGO_REDIS_UNREACHABLE' ? unavailable(log, reason, error) : error
  const newer = /BINGONEWER (\d+)/.exec(reason)
  if (newer !== null) {
    const message = `The keys of ${log} were made by a newer BinGo (version ${newer[1]}, this one supports up to 1)`
    return new BingoError('BINGO_LOG_NEWER', message, { hint: 'Run the newer BinGo.', cause: error })
  }
  const missing = /BINGOMISSING (\S+)/.exec(reason)
  if (missing !== null) {
    const message = `The event log ${log} has an entry without its event ${missing[1]!.slice(0, 100)}`
    const hint =
      'Somebody has removed keys or fields of the store: restore it from a backup, or delete all keys of its prefix.'
    return new BingoError('BINGO_LOG_CORRUPT', message, { hint, cause: error })
  }
  if (/OOM command not allowed/.test(reason)) {
    return new BingoError('BINGO_LOG_FULL', `The event log ${log} is full: Redis has reached its maxmemory`, {
      hint: 'Raise maxmemory, lower `events.retention`, or make the readers faster.',
      retryable: true,
      cause: error,
    })
  }
  return unavailable(log, reason, error)
}

function unavailable(log: string, reason: string, cause: unknown): BingoError {
  const refusal = REFUSALS.find(([pattern]) => pattern.test(reason))
  if (refusal !== undefined) return engineRefused(log, reason, refusal[1], cause)
  if (isCertificateRefused(cause)) return certificateRefused(log, cause)
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} is unavailable: ${reason}`, {
    hint:
      HINTS.find(([pattern]) => pattern.test(reason))?.[1] ??
      'Check that Redis is up, reachable and writable, and takes the client certificate where it asks for one.',
    retryable: true,
    cause,
  })
}

/** It was stored, but not as durably as it was asked for: whoever posted asks again, and is answered when it is. */
export function notConfirmed(log: string, what: string): BingoError {
  return new BingoError('BINGO_LOG_UNREACHABLE', `The event log ${log} has not confirmed in time: ${what}`, {
    hint: 'Check the disk and the replicas of Redis (INFO persistence, INFO replication), or ask for less in `events.store`.',
    retryable: true,
  })
}

/** It would lose events by its settings. */
export function unsafe(log: string, why: string, hint: string): BingoError {
  return new BingoError('BINGO_LOG_UNSAFE', `Redis at ${log} cannot keep events: ${why}`, { hint })
}
