import type { Log } from '../../model/rule/action.ts'
import { backoffMs } from '../../model/delivery/backoff.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { Stats } from '../../model/stats.ts'

/** Between tries to reach a checkpoint store that is down at the start. */
const STORE_RETRY = { minMs: 200, maxMs: 5_000 } as const

export interface PatienceDeps {
  readonly log: Log
  readonly clock: Clock
  readonly stats: Pick<Stats, 'startWaitsFor'>
}

/**
 * A store that is down at the start is waited for, and `/readyz` says so; one that refuses (corrupt, foreign, locked) ends
 * the start.
 */
export async function patiently<T>(
  store: { readonly description: string },
  { log, clock, stats }: PatienceDeps,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | 'stopped'> {
  for (let attempt = 1; ; attempt += 1) {
    if (signal.aborted) return 'stopped'
    try {
      const done = await work()
      stats.startWaitsFor = null
      return done
    } catch (error) {
      if (!(error instanceof BingoError) || !error.retryable) throw error
      const { code, message, hint } = error
      stats.startWaitsFor = { code, message }
      const level = attempt < 5 ? 'info' : 'warn'
      log[level]({ code, store: store.description, attempt, err: message, hint }, 'waiting for the checkpoint store')
      await clock.sleep(backoffMs(attempt, STORE_RETRY.minMs, STORE_RETRY.maxMs), signal).catch(() => undefined)
    }
  }
}
