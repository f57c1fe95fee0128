import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'

/** A call that was asked for and has not been made yet. */
export interface Timer {
  /** Does nothing once the call was made. */
  cancel(): void
}

/**
 * Time, injected into whatever waits: nothing else in the pipeline asks for the time or sets a timer, so that a whole
 * pipeline runs on a simulated clock. `now` is wall time for people; `monotonicMs` is for measuring and timers.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  monotonicMs(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` once, in `ms` milliseconds at the earliest; however many those are. Keeps the process alive meanwhile. */
  after(ms: number, fn: () => void): Timer
  /** The same, but the process may end before it. */
  afterIdle(ms: number, fn: () => void): Timer
  /** Calls `fn` every `ms` milliseconds until cancelled. The process may end in between. */
  every(ms: number, fn: () => void): Timer
}

/** Wall time as it would be if nobody had set the clock since this was asked for. */
export function steadyWallTime(clock: Pick<Clock, 'now' | 'monotonicMs'>): () => number {
  const offsetMs = clock.now() - clock.monotonicMs()
  return () => offsetMs + clock.monotonicMs()
}

/** setTimeout overflows at 2^31 ms and then fires at once. */
const LONGEST_TIMER_MS = 2_000_000_000

class SystemTimer implements Timer {
  private handle: NodeJS.Timeout

  constructor(ms: number, fn: () => void, keepsAlive: boolean) {
    this.handle = this.start(ms, fn, keepsAlive)
  }

  cancel(): void {
    clearTimeout(this.handle)
  }

  private start(ms: number, fn: () => void, keepsAlive: boolean): NodeJS.Timeout {
    const handle =
      ms <= LONGEST_TIMER_MS
        ? setTimeout(fn, ms)
        : setTimeout(() => (this.handle = this.start(ms - LONGEST_TIMER_MS, fn, keepsAlive)), LONGEST_TIMER_MS)
    return keepsAlive ? handle : handle.unref()
  }
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    for (let left = Math.max(0, ms); ; left -= LONGEST_TIMER_MS) {
      await delay(Math.min(left, LONGEST_TIMER_MS), undefined, signal ? { signal } : undefined)
      if (left <= LONGEST_TIMER_MS) return
    }
  },
  after: (ms, fn) => new SystemTimer(ms, fn, true),
  afterIdle: (ms, fn) => new SystemTimer(ms, fn, false),
  every: (ms, fn) => {
    const handle = setInterval(fn, ms).unref()
    return { cancel: () => clearInterval(handle) }
  },
}
