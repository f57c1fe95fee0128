import type { ActionPlan, Target } from '../../model/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { InFlightJob } from '../../model/in-flight-job.ts'
import type { FailureHandler } from '../failure-handler.ts'
import type { LaneQueue } from './lane-queue.ts'
import { RateLimit } from './rate-limit.ts'

/** Dead letters written in one go for one lane. */
const BURY_BATCH = 500

/** Chooses which jobs at the head of a lane may go now: by order, parked keys, rate limits and the target's bounds. */
export class LaneSelection {
  private readonly failures: FailureHandler
  private readonly clock: Clock
  private readonly limits = new Map<ActionPlan, RateLimit>()

  constructor(failures: FailureHandler, clock: Clock) {
    this.failures = failures
    this.clock = clock
  }

  /** Never to be sent: it could not be rendered, or waits behind an earlier failure of its key. */
  isLost(job: InFlightJob): boolean {
    return job.failure !== null || this.failures.isParked(job)
  }

  /**
   * Appends the jobs that may go to `batch`, beginning with the lane's head, which is neither a stand-in nor lost.
   * Answers the milliseconds until a rate limit lets the next one go; 0 when no limit is in the way.
   */
  choose(queue: LaneQueue, target: Target, batch: InFlightJob[]): number {
    const { action: firstAction } = queue.at(0)!
    // After a failure the head goes alone: what follows it on its row must not be sent over and over.
    const most =
      queue.failures > 0 ? 1 : Math.min(target.maxBatch - batch.length, firstAction.rule.debounce?.maxBatch ?? Infinity)
    for (let n = 0; n < most; n++) {
      const job = queue.at(n)
      if (job === undefined || !this.mayGo(job)) break
      if (target.gather === 'lane' && job.action !== firstAction) break
      if (job.action.ratePerSecond !== null) {
        const limit = this.limitOf(job.action)
        const waitMs = limit.waitMs()
        if (limit.take(1) === 0) return waitMs
      }
      batch.push(job)
    }
    return 0
  }

  /** The lost jobs at the head of a lane, as many as are written to the dead letters in one go. */
  lostAtHead(queue: LaneQueue): InFlightJob[] {
    const lost: InFlightJob[] = []
    for (let job = queue.at(0); job !== undefined && lost.length < BURY_BATCH; job = queue.at(lost.length)) {
      if (job.gateOf !== null || !this.isLost(job) || (job.after !== null && !job.after.done)) break
      lost.push(job)
    }
    return lost
  }

  private mayGo(job: InFlightJob): boolean {
    if (job.after !== null && !job.after.done) return false
    if (job.gateOf !== null || (job.gate !== null && !job.gate.gateArrived)) return false
    return !this.isLost(job)
  }

  private limitOf(action: ActionPlan): RateLimit {
    let limit = this.limits.get(action)
    if (limit === undefined) {
      limit = new RateLimit(action.ratePerSecond!, this.clock)
      this.limits.set(action, limit)
    }
    return limit
  }
}
