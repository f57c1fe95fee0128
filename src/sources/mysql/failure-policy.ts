import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'

/** Attempts to read the same damaged bytes again: a fault on the wire passes, one on the server's disk does not. */
const DAMAGE_ATTEMPTS = 3
/** A second replica with our id takes the stream away again and again; an old connection of our own only once. */
const DUPLICATE_ATTEMPTS = 2
const DUPLICATE_WINDOW_MS = 300_000
/** After a failover the new server may still be applying what we have read from the old one. */
const AHEAD_GRACE_MS = 60_000

const DAMAGE = new Set(['BINGO_BINLOG_CORRUPT', 'BINGO_BINLOG_CHECKSUM', 'BINGO_SOURCE_BINLOG_DAMAGED'])
const AHEAD = new Set(['BINGO_CHECKPOINT_AHEAD', 'BINGO_SOURCE_AHEAD'])
const GAPS = new Set([
  'BINGO_SOURCE_GAP',
  'BINGO_SOURCE_AHEAD',
  'BINGO_SOURCE_IMPOSSIBLE_POSITION',
  'BINGO_CHECKPOINT_AHEAD',
])

/** The server cannot go on from our position: `onGap` may decide otherwise. */
export function isGap(error: BingoError): boolean {
  return GAPS.has(error.code)
}

/** What could have been passing and was not: after so many attempts an operator has to look. */
export function givenUp(error: BingoError, attempts: number): BingoError {
  if (!error.retryable) return error
  const { code, message, hint } = error
  return new BingoError(code, `${message} (giving up after ${attempts} attempts)`, { hint, cause: error })
}

/** Decides after each failure whether to try again, with a memory of what failed before. */
export class FailurePolicy {
  readonly #clock: Clock
  #attempts = 0
  #damaged = 0
  #duplicates: number[] = []
  #aheadSince: number | null = null
  #gapSince: number | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Failures in a row without progress; the exponent of the backoff. */
  get attempts(): number {
    return this.#attempts
  }

  /** The position moved, or the connection held: what failed before is over. */
  progressed(): void {
    this.#attempts = 0
    this.#damaged = 0
    this.#aheadSince = null
    this.#gapSince = null
  }

  /** Whether to try again. `otherServer`: not the one that the position was read from. */
  retries(error: BingoError, otherServer: boolean): boolean {
    this.#attempts++
    if (DAMAGE.has(error.code)) return ++this.#damaged < DAMAGE_ATTEMPTS
    if (error.code === 'BINGO_SOURCE_DUPLICATE_ID') return this.#duplicateRetries()
    if (AHEAD.has(error.code) && otherServer) {
      const now = this.#clock.monotonicMs()
      this.#aheadSince ??= now
      return now - this.#aheadSince < AHEAD_GRACE_MS
    }
    return error.retryable
  }

  /** Some servers tell of a gap while others are away: true once these have had the time to come back. */
  stands(): boolean {
    const now = this.#clock.monotonicMs()
    this.#gapSince ??= now
    return now - this.#gapSince >= AHEAD_GRACE_MS
  }

  #duplicateRetries(): boolean {
    const now = this.#clock.monotonicMs()
    this.#duplicates = this.#duplicates.filter((at) => now - at < DUPLICATE_WINDOW_MS)
    this.#duplicates.push(now)
    return this.#duplicates.length < DUPLICATE_ATTEMPTS
  }
}
