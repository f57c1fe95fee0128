import { systemClock } from '../../model/clock.ts'

const IDLE_POLL_MS = 50

export interface Watched {
  /** Grows with whatever comes in. */
  readonly activity: () => number
  /** Connected, and not in the middle of something. */
  readonly rests: () => boolean
}

/** Calls back when it rests and nothing has come in for `idleMs`. */
export function whenIdle(idleMs: number, { activity, rests }: Watched, callback: () => void): Disposable {
  let seen = -1
  let since = 0
  const timer = setInterval(() => {
    const now = systemClock.monotonicMs()
    if (!rests() || activity() !== seen) {
      seen = activity()
      since = now
    } else if (now - since >= idleMs) {
      callback()
    }
  }, IDLE_POLL_MS)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
