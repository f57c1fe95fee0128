import { steadyWallTime } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'
import type { DeadLetterStore } from '../../model/delivery/dead-letter.ts'

/** Looking for old entries costs a page of them: not for every entry that is added. */
const LOOK_EVERY_MS = 1_000

/** What stores tell the time by. */
export type StoreClock = Pick<Clock, 'now' | 'monotonicMs'>

/**
 * Removes entries beyond `deadLetters.maxAge`, oldest first, when new ones come. A wall clock that is set ahead while it
 * runs makes no entry older: what is removed is gone.
 */
export class Expiry {
  private readonly store: DeadLetterStore
  private readonly maxAgeMs: number
  private readonly clock: StoreClock
  private readonly steadyNow: () => number
  private lookedAt = -Infinity

  constructor(store: DeadLetterStore, maxAgeMs: number, clock: StoreClock) {
    this.store = store
    this.maxAgeMs = maxAgeMs
    this.clock = clock
    this.steadyNow = steadyWallTime(clock)
  }

  async run(): Promise<void> {
    const at = this.clock.monotonicMs()
    if (this.maxAgeMs === Infinity || at - this.lookedAt < LOOK_EVERY_MS) return
    this.lookedAt = at
    const now = Math.min(this.clock.now(), this.steadyNow())
    const old: string[] = []
    for await (const letter of this.store.list({})) {
      if (letter.createdAt >= now - this.maxAgeMs) break
      old.push(letter.id)
    }
    if (old.length > 0) await this.store.remove(old)
  }
}
