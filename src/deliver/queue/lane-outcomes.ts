import type { DeliveryFailure } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { Clock } from '../../model/clock.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { SampledLines } from '../../model/sampled-log.ts'
import type { TargetCounters, TargetState } from '../../model/delivery/target-state.ts'
import { clampRetryAfter } from '../../targets/failure/failure.ts'
import type { Undelivered } from '../undelivered.ts'
import type { LaneQueue } from './lane-queue.ts'
import type { LaneSelection } from './lane-selection.ts'
import type { Lanes } from './lanes.ts'
import { logRecovery, logRetry } from './retry-log.ts'
import { retryWaitMs, sortResults } from './sort-results.ts'
import type { Segment, SortedResults } from './sort-results.ts'
import type { TargetHealth } from './target-health.ts'
import type { TargetOpener } from './target-opener.ts'

export interface LaneOutcomesDeps {
  readonly config: TargetConfig
  readonly undelivered: Undelivered
  /** For what repeats: retries, and their end. */
  readonly repeats: SampledLines
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly state: TargetState
  /** Called once for every job that has ended, delivered or not. */
  readonly onEnd: (job: InFlightJob, delivered: boolean) => void
}

/** The parts of the target's queue that follow what became of its jobs. */
interface QueueParts {
  readonly lanes: Lanes
  readonly selection: LaneSelection
  readonly health: TargetHealth
  readonly opener: Pick<TargetOpener, 'target'>
}

/** What becomes of jobs whose turn came: they end, stay to be sent again, or are given up, and their lane goes on. */
export class LaneOutcomes {
  /** Nothing is sent any more: whatever is given up goes to the dead letters. */
  dropped = false
  private readonly deps: LaneOutcomesDeps
  private readonly parts: QueueParts

  constructor(deps: LaneOutcomesDeps, parts: QueueParts) {
    this.deps = deps
    this.parts = parts
  }

  /** The target took all of it. */
  delivered(batch: readonly InFlightJob[], segments: readonly Segment[]): void {
    this.parts.health.succeeded()
    for (const { lane, from, to } of segments) {
      this.noteRecovery(lane, batch[from]!)
      this.parts.lanes.settle(lane, to - from, null)
    }
    for (const job of batch) this.end(job, true)
    for (const { lane } of segments) this.parts.lanes.wake(lane)
  }

  /** `result`: what became of each job of the batch; null = the target took it. `sentAtMs`: monotonic. */
  failed(
    batch: readonly InFlightJob[],
    segments: readonly Segment[],
    result: readonly (DeliveryFailure | null)[],
    sentAtMs: number,
  ): void {
    if (batch.some(({ count }) => count > 1) && result.some((failure) => failure?.kind !== 'down')) {
      this.failed(...this.rowByRow(batch, segments, result), sentAtMs)
      return
    }
    const { undelivered } = this.deps
    const { counters } = this.deps.state
    const at = result.findIndex((failure) => failure?.kind === 'down')
    if (at >= 0) this.parts.health.failed(clampRetryAfter(result[at]!, batch[at]!.action.retry.maxMs), sentAtMs)
    else this.parts.health.succeeded()
    for (const [i, failure] of result.entries()) if (failure !== null) countFailure(counters, failure, batch[i]!.count)
    for (const segment of segments) {
      const sorted = sortResults(batch, segment, result, (job, failure) => undelivered.isGivenUp(job, failure))
      for (const { count } of sorted.kept) counters.retriedTotal += count
      void this.finishLane(segment, sorted)
    }
  }

  /** The same with a job for each row: what became of a run of rows became of all of them. */
  private rowByRow(
    batch: readonly InFlightJob[],
    segments: readonly Segment[],
    result: readonly (DeliveryFailure | null)[],
  ): [InFlightJob[], Segment[], (DeliveryFailure | null)[]] {
    const { lanes } = this.parts
    const singles: InFlightJob[] = []
    const rows = segments.map(({ lane, from, to }): Segment => {
      const queue = lanes.at(lane)
      const first = singles.length
      queue.underWay = lanes.split(lane, to - from)
      for (let n = 0; n < queue.underWay; n++) singles.push(queue.at(n)!)
      return { lane, from: first, to: singles.length }
    })
    const results = batch.flatMap(({ count }, i) => Array.from({ length: count }, () => result[i] ?? null))
    return [singles, rows, results]
  }

  private async finishLane({ lane, from, to }: Segment, { ended, kept, givenUp, retry }: SortedResults): Promise<void> {
    const queue = this.parts.lanes.at(lane)
    const waitMs = retry === null ? 0 : this.noteRetry(queue, retry)
    if (givenUp.length > 0 && (await this.giveUp(givenUp)) === null) return
    if (ended.length > 0 && kept.length === 0) this.noteRecovery(lane, ended[0]!)
    this.parts.lanes.settle(lane, to - from, kept)
    for (const job of ended) this.end(job, true)
    for (const job of givenUp) this.end(job, false)
    this.parts.lanes.wakeAfter(lane, waitMs)
  }

  /** The `when` of the job at the head of its lane does not hold. */
  skipped(job: InFlightJob): void {
    this.parts.lanes.settle(job.lane, 1, null)
    this.deps.state.queued -= 1
    this.deps.state.ended += 1
    job.end()
    this.deps.onEnd(job, false)
    this.parts.lanes.wake(job.lane)
  }

  /** Ends the jobs at the head of a lane that are not to be sent; what may be sent after all stays. */
  async endUnsent(lane: number): Promise<void> {
    const queue = this.parts.lanes.at(lane)
    queue.state = 'busy'
    const unsent = this.parts.selection.unsentAtHead(queue, this.dropped)
    queue.underWay = unsent.length
    const free = unsent.length === 0 ? [] : await this.giveUp(unsent)
    if (free === null) return
    this.parts.lanes.settle(lane, unsent.length, free)
    for (const job of unsent) if (!free.includes(job)) this.end(job, false)
    if (unsent.length > 0) this.parts.lanes.wake(lane)
  }

  /** The jobs that are to be sent after all; null when the daemon stops before: they stay held and are replayed (invariant 1). */
  private giveUp(jobs: readonly InFlightJob[]): Promise<readonly InFlightJob[] | null> {
    const { undelivered } = this.deps
    const { target } = this.parts.opener
    const ends = this.dropped ? undelivered.drop(jobs, target).then(() => []) : undelivered.giveUp(jobs, target)
    return ends.catch(() => null)
  }

  private end(job: InFlightJob, delivered: boolean): void {
    const { state } = this.deps
    const { count } = job
    state.queued -= count
    state.ended += count
    if (delivered) state.counters.deliveredTotal += count
    else state.counters.givenUpTotal += count
    job.end()
    this.deps.onEnd(job, delivered)
  }

  /** Milliseconds until the lane's next try. */
  private noteRetry(queue: LaneQueue, { job, failure }: NonNullable<SortedResults['retry']>): number {
    if (queue.failures === 0) queue.failingSinceMs = this.deps.clock.monotonicMs()
    queue.failures += 1
    const waitMs = retryWaitMs(job, failure, queue.failures)
    logRetry(this.deps.repeats, this.deps.config.id, { job, failure, failures: queue.failures, waitMs })
    return waitMs
  }

  private noteRecovery(lane: number, job: InFlightJob): void {
    const { failures, failingSinceMs } = this.parts.lanes.at(lane)
    if (failures === 0) return
    const { repeats, config, clock } = this.deps
    logRecovery(repeats, config.id, job, failures + 1, Math.round(clock.monotonicMs() - failingSinceMs))
  }
}

export function countFailure(counters: TargetCounters, { error: { code } }: DeliveryFailure, count = 1): void {
  counters.failedTotal += count
  counters.failures.set(code, (counters.failures.get(code) ?? 0) + count)
}
