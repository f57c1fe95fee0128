import { backoffMs } from './delivery/backoff.ts'
import type { Clock } from './clock.ts'

const LEAST_PAUSE_MS = 200

/** How work that needs a store is repeated while that is down or full. */
export interface Patience {
  readonly clock: Pick<Clock, 'sleep'>
  readonly signal: AbortSignal
  /** Between two attempts the pause grows up to this. */
  readonly mostPauseMs: number
  /** Another attempt may succeed. */
  readonly passes: (error: unknown) => boolean
  /** This attempt failed, and there will be another one. */
  readonly waits: (attempt: number, error: unknown) => void
  /** It succeeded after it had failed. */
  readonly answers: () => void
}

/** Repeats until it succeeds. Rejects with a failure that does not pass, or when aborted. */
export async function untilItSucceeds<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  const { clock, signal, mostPauseMs, passes, waits, answers } = patience
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await work()
      if (attempt > 1) answers()
      return result
    } catch (error) {
      if (signal.aborted || !passes(error)) throw error
      waits(attempt, error)
      await clock.sleep(backoffMs(attempt, LEAST_PAUSE_MS, mostPauseMs), signal)
    }
  }
}
