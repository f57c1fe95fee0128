import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

/** Time, injected into whatever waits. `now` is wall time for people; `monotonicMs` is for measuring and timers. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  monotonicMs(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Wall time as it would be if nobody had set the clock since this was asked for. */
export function steadyWallTime(clock: Pick<Clock, 'now' | 'monotonicMs'>): () => number {
  const offsetMs = clock.now() - clock.monotonicMs()
  return () => offsetMs + clock.monotonicMs()
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : undefined),
}
