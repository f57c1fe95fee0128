import type { TargetStats } from './core/stats.ts'

/** Enough to keep a target busy until reading has gone on. What waits longer than it must grows old in the heap. */
const ENOUGH_QUEUED = 6_000
const GO_ON_BELOW = 3_000
/** A target that has not got through its queue by then does not keep up: the budget is there for it. */
const LONGEST_MS = 20

/**
 * Lets targets that keep up catch their breath: reading rests while one of them has enough queued, for milliseconds. It
 * comes up again as fast, and a bulk change leaves a few thousand jobs in memory instead of as many as the budget
 * allows, which is what garbage collection costs (`npm run bench -- --only b`). Others are held up once, for 20 ms at
 * most, by a target that turns out not to keep up.
 */
export class BriefPause {
  private readonly pressure: (high: boolean) => void
  private resting: TargetStats | null = null
  private timer: NodeJS.Timeout | null = null
  /** Had their rest, and are still not through. */
  private readonly slow = new Set<TargetStats>()

  /** `pressure`: stop reading (true), go on (false). */
  constructor(pressure: (high: boolean) => void) {
    this.pressure = pressure
  }

  /** Reading rests. */
  get active(): boolean {
    return this.resting !== null
  }

  /** A job for `target` was queued. */
  check(target: TargetStats): void {
    if (target.queued <= ENOUGH_QUEUED || this.resting !== null || target.downSince !== 0 || this.slow.has(target))
      return
    this.resting = target
    this.pressure(true)
    this.timer = setTimeout(() => {
      this.slow.add(target)
      this.goOn()
    }, LONGEST_MS)
  }

  /** A job of `target` has ended. */
  released(target: TargetStats): void {
    if (target.queued > GO_ON_BELOW) return
    if (this.resting === target) this.goOn()
    if (this.slow.size > 0) this.slow.delete(target)
  }

  /** Nothing is read any more. */
  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.resting = null
  }

  private goOn(): void {
    this.stop()
    this.pressure(false)
  }
}
