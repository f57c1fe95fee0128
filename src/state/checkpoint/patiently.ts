import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Stats } from '../../model/stats.ts'
import { untilItSucceeds } from '../../model/until-it-succeeds.ts'

const MOST_PAUSE_MS = 5_000

export interface PatienceDeps {
  readonly log: Log
  readonly clock: Clock
  readonly stats: Pick<Stats, 'startWaitsFor'>
}

export interface WaitedFor {
  readonly description: string
  /** In the line that says what is waited for. */
  readonly what?: string
}

/**
 * A store that is down at the start is waited for, and `/readyz` says so; one that refuses (corrupt, foreign, locked) ends
 * the start.
 */
export async function patiently<T>(
  { description, what = 'the checkpoint store' }: WaitedFor,
  { log, clock, stats }: PatienceDeps,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | 'stopped'> {
  if (signal.aborted) return 'stopped'
  const passes = (error: unknown): error is BingoError => error instanceof BingoError && error.retryable
  const waits = (attempt: number, error: unknown): void => {
    const { code, message, hint } = error as BingoError
    stats.startWaitsFor = { code, message }
    const level = attempt < 5 ? 'info' : 'warn'
    log[level]({ code, store: description, attempt, err: message, hint }, `waiting for ${what}`)
  }
  const answers = (): void => {
    stats.startWaitsFor = null
  }
  try {
    return await untilItSucceeds({ clock, signal, mostPauseMs: MOST_PAUSE_MS, passes, waits, answers }, work)
  } catch (error) {
    const refused = error instanceof BingoError && !error.retryable
    if (signal.aborted && !refused) return 'stopped'
    throw error
  }
}
