import { steadyWallTime } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'

/**
 * Removes entries from the oldest on, up to the first that was written at `before` or later. In one step, or only what still
 * stands where it was read: an entry that was retried meanwhile, and came again, is a new one.
 */
export type RemoveOlder = (before: number) => Promise<void>

/** Looking for old entries costs a page of them: not for every entry that is added. */
const LOOK_EVERY_MS = 1_000

/** What stores tell the time by. */
export type StoreClock = Pick<Clock, 'now' | 'monotonicMs' | 'sleep'>

/**
 * Removes entries beyond `deadLetters.maxAge`, oldest first, when new ones come. A wall clock that is set ahead while it
 * runs makes no entry older: what is removed is gone.
 */
export class Expiry {
  private readonly removeOlder: RemoveOlder
  private readonly maxAgeMs: number
  private readonly clock: StoreClock
  private readonly steadyNow: () => number
  private lookedAt = -Infinity

  constructor(removeOlder: RemoveOlder, maxAgeMs: number, clock: StoreClock) {
    this.removeOlder = removeOlder
    this.maxAgeMs = maxAgeMs
    this.clock = clock
    this.steadyNow = steadyWallTime(clock)
  }

  async run(): Promise<void> {
    const at = this.clock.monotonicMs()
    if (this.maxAgeMs === Infinity || at - this.lookedAt < LOOK_EVERY_MS) return
    this.lookedAt = at
    const now = Math.min(this.clock.now(), this.steadyNow())
    await this.removeOlder(now - this.maxAgeMs)
  }
}
