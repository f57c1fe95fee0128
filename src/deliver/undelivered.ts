import type { DeliveryFailure, Target } from '../model/rule/action.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'

/** What becomes of jobs that a target did not take: the daemon retries and writes dead letters, a redelivery reports. */
export interface Undelivered {
  /** The job ends without being sent when its turn comes. Of a run of rows: some of them may. */
  endsUnsent(job: InFlightJob): boolean
  /** Notes a failed attempt; false when the job is to be sent again. */
  isGivenUp(job: InFlightJob, failure: DeliveryFailure): boolean
  /**
   * Resolves when nothing can be lost any more by ending the jobs. Answers those that are to be sent after all, in order.
   * `target`: null when it was never open. Rejects when stopped before: the jobs do not end then.
   */
  giveUp(jobs: readonly InFlightJob[], target: Target | null): Promise<readonly InFlightJob[]>
  /** As `giveUp`, for jobs whose target was dropped: none is sent any more, and nothing waits behind them. */
  drop(jobs: readonly InFlightJob[], target: Target | null): Promise<void>
}
