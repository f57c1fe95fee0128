import type { Target } from '../../model/rule/action.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Undelivered } from '../undelivered.ts'
import type { LaneQueue } from './lane-queue.ts'
import type { RateLimits } from './rate-limits.ts'

/** Jobs of one lane that end unsent in one go. */
const UNSENT_BATCH = 500

/** Chooses which jobs at the head of a lane may go now: by order, parked keys, rate limits and the target's bounds. */
export class LaneSelection {
  private readonly undelivered: Undelivered
  private readonly rates: RateLimits

  constructor(undelivered: Undelivered, rates: RateLimits) {
    this.undelivered = undelivered
    this.rates = rates
  }

  /** A run of rows of which each has to be looked at by itself. */
  judgesRows(queue: LaneQueue, job: InFlightJob): boolean {
    if (job.count === 1) return false
    return queue.failures > 0 || this.rates.limits(job.action) || this.undelivered.endsUnsent(job)
  }

  /**
   * Appends the jobs that may go to `batch`, beginning with the lane's head, which is neither a placeholder nor ends unsent.
   * Answers the milliseconds until a rate limit lets the next one go; 0 when no limit is in the way.
   */
  choose(queue: LaneQueue, target: Target, batch: InFlightJob[]): number {
    const { action: firstAction } = queue.at(0)!
    // After a failure the head goes alone: what follows it on its row must not be sent over and over.
    const most =
      queue.failures > 0 ? 1 : Math.min(target.maxBatch - batch.length, firstAction.rule.debounce?.maxBatch ?? Infinity)
    let previous: InFlightJob | null = null
    for (let n = 0, rows = 0; rows < most; n++) {
      const job = queue.at(n)
      if (job === undefined || !job.isFree || this.undelivered.endsUnsent(job)) break
      if (job.count > 1 && this.judgesRows(queue, job)) break
      rows += job.count
      if (target.gather === 'lane' && job.action !== firstAction) break
      // Where one of two neighbours concerns more than its row, a failure of the first holds back the second (invariant 2).
      if (previous !== null && (job.apart || previous.apart)) break
      const waitMs = this.rates.take(job.action, 'lanes')
      if (waitMs > 0) return waitMs
      batch.push(job)
      previous = job
    }
    return 0
  }

  /** The jobs at the head of a lane that end unsent (`all`: whatever they are), as many as do so in one go. */
  unsentAtHead(queue: LaneQueue, all: boolean): InFlightJob[] {
    const unsent: InFlightJob[] = []
    for (let job = queue.at(0); job !== undefined && unsent.length < UNSENT_BATCH; job = queue.at(unsent.length)) {
      const endsUnsent = all || this.undelivered.endsUnsent(job)
      if (job.skipped || (job.preparation !== null && !all)) break
      if (job.count > 1 || job.placeholderFor !== null || !endsUnsent || (job.after !== null && !job.after.done)) break
      unsent.push(job)
    }
    return unsent
  }
}
