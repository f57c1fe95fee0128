import { backoffMs } from '../core/backoff.ts'
import type { ActionPlan, DeliveryFailure, Log, SendResult, Target, TargetConfig } from '../core/action.ts'
import type { Clock } from '../core/clock.ts'
import { BingoError } from '../core/errors.ts'
import type { InFlightJob, WakeableQueue } from '../core/in-flight-job.ts'
import type { TargetStats } from '../core/stats.ts'
import type { FailureHandler } from './failure-handler.ts'
import { LaneQueue } from './lane-queue.ts'
import { RateLimit } from './rate-limit.ts'
import { TargetHealth } from './target-health.ts'

/** Dead letters written in one go for one lane. */
const BURY_BATCH = 500

export interface TargetQueueDeps {
  readonly config: TargetConfig
  readonly lanes: number
  readonly open: () => Promise<Target>
  readonly failures: FailureHandler
  readonly clock: Clock
  readonly log: Log
  readonly stats: TargetStats
  /** Aborted when the daemon gives up waiting: running sends are cut off. */
  readonly signal: AbortSignal
  /** Called once for every job that has ended, delivered or not. */
  readonly onEnd: (job: InFlightJob, delivered: boolean) => void
}

/** The part of a send that belongs to one lane. */
interface Segment {
  readonly lane: number
  readonly from: number
  readonly to: number
}

/**
 * Everything queued for one target: one ordered lane queue per lane (invariant 2), sent in batches that form by
 * themselves while the batch before them is under way. Failures wait, retry, or go to the dead letters, lane by lane;
 * a target that is down stops all its lanes and is probed by one send at a time.
 */
export class TargetQueue implements WakeableQueue {
  private readonly deps: TargetQueueDeps
  private readonly lanes: LaneQueue[]
  private readonly ready: number[] = []
  private readonly health: TargetHealth
  private target: Target | null = null
  private opening = false
  private inFlight = 0
  private queued = 0
  private flushRequested = false
  private healthTimer: NodeJS.Timeout | null = null
  private readonly laneTimers = new Set<NodeJS.Timeout>()
  private readonly limits = new Map<ActionPlan, RateLimit>()

  constructor(deps: TargetQueueDeps) {
    this.deps = deps
    this.lanes = Array.from({ length: deps.lanes }, () => new LaneQueue())
    this.health = new TargetHealth(deps.config, deps.clock, deps.log, deps.stats)
  }

  /** Nothing queued and nothing under way. */
  get idle(): boolean {
    return this.queued === 0
  }

  /** Opens the target ahead of the first job, so that none waits for a connection. */
  prepare(): void {
    if (this.target === null && !this.opening) void this.openTarget()
  }

  push(job: InFlightJob): void {
    job.enqueuedIn(this)
    this.queued += 1
    if (job.gateOf === null) this.deps.stats.queued += 1
    this.lanes[job.lane]!.push(job)
    this.wake(job.lane)
  }

  wake(lane: number): void {
    const queue = this.lanes[lane]!
    if (queue.state === 'idle' && queue.length > 0) {
      queue.state = 'ready'
      this.ready.push(lane)
      this.requestFlush()
    }
  }

  async close(): Promise<void> {
    if (this.healthTimer !== null) clearTimeout(this.healthTimer)
    for (const timer of this.laneTimers) clearTimeout(timer)
    await this.target?.close()
  }

  /** Once per turn of the event loop, after the packets of a read have been worked off: batches form by themselves. */
  private requestFlush(): void {
    if (this.flushRequested) return
    this.flushRequested = true
    queueMicrotask(() => {
      this.flushRequested = false
      this.flush()
    })
  }

  private flush(): void {
    if (this.deps.signal.aborted) return
    const { target } = this
    if (target === null) {
      if (this.healthTimer === null) this.prepare()
      return
    }
    while (this.ready.length > 0 && this.inFlight < target.maxConcurrency) {
      const waitMs = this.health.waitMs(this.inFlight)
      if (waitMs === Infinity) return
      if (waitMs > 0) {
        this.flushLater(waitMs)
        return
      }
      this.sendNext(target)
    }
  }

  private flushLater(waitMs: number): void {
    this.healthTimer ??= setTimeout(() => {
      this.healthTimer = null
      this.flush()
    }, waitMs)
  }

  private async openTarget(): Promise<void> {
    this.opening = true
    try {
      this.target = await this.deps.open()
      this.health.succeeded()
    } catch (error) {
      this.health.failed(asDown(error))
      this.reopenLater(Math.max(1, this.health.waitMs(0)))
    } finally {
      this.opening = false
    }
    this.requestFlush()
  }

  private reopenLater(waitMs: number): void {
    this.healthTimer ??= setTimeout(() => {
      this.healthTimer = null
      this.prepare()
    }, waitMs)
  }

  private sendNext(target: Target): void {
    const batch: InFlightJob[] = []
    const segments: Segment[] = []
    do {
      const lane = this.ready.shift()!
      const from = batch.length
      this.take(lane, target, batch)
      if (batch.length > from) segments.push({ lane, from, to: batch.length })
    } while (target.gather === 'all' && this.ready.length > 0 && batch.length < target.maxBatch)
    if (batch.length > 0) void this.send(target, batch, segments)
  }

  /** Takes what may go of a lane; a lane that cannot go is left to whoever will wake it. */
  private take(lane: number, target: Target, batch: InFlightJob[]): void {
    const queue = this.lanes[lane]!
    const first = queue.at(0)
    queue.state = 'idle'
    if (first === undefined) return
    if (first.gateOf !== null) {
      this.arrive(queue, first)
      return
    }
    if (this.isLost(first)) {
      void this.buryHead(lane)
      return
    }
    // After a failure the head goes alone: what follows it on its row must not be sent over and over.
    const limit =
      queue.failures > 0
        ? 1
        : Math.min(target.maxBatch - batch.length, first.action.rule.debounce?.maxBatch ?? Infinity)
    const before = batch.length
    let waitMs = 0
    for (let n = 0; n < limit; n++) {
      const job = queue.at(n)
      if (job === undefined || !this.mayGo(job)) break
      if (target.gather === 'lane' && job.action !== first.action) break
      if (job.action.ratePerSecond !== null) {
        const limit = this.limitOf(job.action)
        waitMs = limit.waitMs()
        if (limit.take(1) === 0) break
      }
      batch.push(job)
    }
    if (batch.length > before) queue.state = 'busy'
    else if (waitMs > 0) this.wakeLater(queue, lane, Math.ceil(waitMs))
  }

  private limitOf(action: ActionPlan): RateLimit {
    let limit = this.limits.get(action)
    if (limit === undefined) {
      limit = new RateLimit(action.ratePerSecond!, this.deps.clock)
      this.limits.set(action, limit)
    }
    return limit
  }

  private mayGo(job: InFlightJob): boolean {
    if (job.after !== null && !job.after.done) return false
    if (job.gateOf !== null || (job.gate !== null && !job.gate.gateArrived)) return false
    return !this.isLost(job)
  }

  private isLost(job: InFlightJob): boolean {
    return job.failure !== null || this.deps.failures.isParked(job)
  }

  /** A stand-in came to the head: its job may go, and this lane waits for the job's end. */
  private arrive(queue: LaneQueue, gate: InFlightJob): void {
    const job = gate.gateOf!
    if (job.done) {
      queue.settle(1, null)
      this.queued -= 1
      this.wake(gate.lane)
      return
    }
    gate.arrive()
  }

  private async send(target: Target, batch: InFlightJob[], segments: readonly Segment[]): Promise<void> {
    this.inFlight += 1
    this.deps.stats.sendsTotal += 1
    let result: SendResult
    try {
      result = await target.send(batch, this.deps.signal)
    } catch (error) {
      const failure = asUnknown(error)
      result = batch.map(() => failure)
    }
    this.inFlight -= 1
    if (this.deps.signal.aborted && result !== undefined) return
    if (result === undefined) this.succeed(batch, segments)
    else this.sortOut(batch, segments, result)
    this.flush()
  }

  private succeed(batch: readonly InFlightJob[], segments: readonly Segment[]): void {
    this.health.succeeded()
    for (const { lane, from, to } of segments) this.settle(lane, to - from, null)
    for (const job of batch) this.end(job, true)
    for (const { lane } of segments) this.wake(lane)
  }

  private sortOut(
    batch: readonly InFlightJob[],
    segments: readonly Segment[],
    result: readonly (DeliveryFailure | null)[],
  ): void {
    const at = result.findIndex((failure) => failure?.kind === 'down')
    if (at >= 0) this.health.failed(clamped(result[at]!, batch[at]!.action.retry.maxMs))
    else this.health.succeeded()
    for (const segment of segments) this.sortOutLane(batch, segment, result)
  }

  private sortOutLane(
    batch: readonly InFlightJob[],
    segment: Segment,
    result: readonly (DeliveryFailure | null)[],
  ): void {
    const kept: InFlightJob[] = []
    const lost: InFlightJob[] = []
    const ended: InFlightJob[] = []
    let waitMs = 0
    for (let i = segment.from; i < segment.to; i++) {
      const job = batch[i]!
      const failure = result[i] ?? null
      // A later job of a row whose earlier one failed is sent again after it, so that the newest state wins (invariant 2).
      if (kept.some((earlier) => earlier.rowKey === job.rowKey)) {
        kept.push(job)
      } else if (failure === null) {
        ended.push(job)
      } else if (this.isFinal(job, failure)) {
        lost.push(job)
      } else {
        if (failure.kind !== 'down') waitMs = Math.max(waitMs, this.retryWaitMs(job, failure))
        kept.push(job)
      }
    }
    this.deps.stats.retriedTotal += kept.length
    this.deps.stats.failedTotal += lost.length
    void this.finishLane(segment, ended, kept, lost, waitMs)
  }

  private async finishLane(
    segment: Segment,
    ended: readonly InFlightJob[],
    kept: readonly InFlightJob[],
    lost: readonly InFlightJob[],
    waitMs: number,
  ): Promise<void> {
    if (lost.length > 0 && !(await this.bury(lost))) return
    const queue = this.lanes[segment.lane]!
    this.settle(segment.lane, segment.to - segment.from, kept)
    for (const job of ended) this.end(job, true)
    for (const job of lost) this.end(job, false)
    if (waitMs > 0) this.wakeLater(queue, segment.lane, waitMs)
    else this.wake(segment.lane)
  }

  private wakeLater(queue: LaneQueue, lane: number, waitMs: number): void {
    queue.state = 'waiting'
    const timer = setTimeout(() => {
      this.laneTimers.delete(timer)
      queue.state = 'idle'
      this.wake(lane)
    }, waitMs)
    this.laneTimers.add(timer)
  }

  /** Writes the failed or parked jobs at the head of a lane to the dead letters. */
  private async buryHead(lane: number): Promise<void> {
    const queue = this.lanes[lane]!
    queue.state = 'busy'
    const lost: InFlightJob[] = []
    for (let job = queue.at(0); job !== undefined && lost.length < BURY_BATCH; job = queue.at(lost.length)) {
      if (job.gateOf !== null || !this.isLost(job) || (job.after !== null && !job.after.done)) break
      lost.push(job)
    }
    if (lost.length > 0 && !(await this.bury(lost))) return
    this.settle(lane, lost.length, null)
    for (const job of lost) this.end(job, false)
    if (lost.length > 0) this.wake(lane)
  }

  /** False when the daemon stops before the store took them: they stay held and are replayed (invariant 1). */
  private async bury(jobs: readonly InFlightJob[]): Promise<boolean> {
    try {
      await this.deps.failures.bury(jobs)
      return true
    } catch {
      return false
    }
  }

  private settle(lane: number, count: number, kept: readonly InFlightJob[] | null): void {
    const queue = this.lanes[lane]!
    queue.settle(count, kept)
    queue.state = 'idle'
    if (kept === null || kept.length === 0) queue.failures = 0
    this.queued -= count - (kept?.length ?? 0)
  }

  private end(job: InFlightJob, delivered: boolean): void {
    this.deps.stats.queued -= 1
    if (delivered) this.deps.stats.deliveredTotal += 1
    job.end()
    this.deps.onEnd(job, delivered)
  }

  /** Notes the attempt; true when this job is given up by its rule's `retry` and `onFailure`. */
  private isFinal(job: InFlightJob, failure: DeliveryFailure): boolean {
    if (failure.kind === 'down') return false
    const { retry, onFailure } = job.action
    const now = this.deps.clock.now()
    job.attempts ??= []
    job.attempts.push({ at: now, code: failure.error.code, message: failure.error.message })
    if (onFailure === 'block') return false
    if (failure.kind === 'poison') return true
    const age = now - job.attempts[0]!.at
    return job.attempts.length >= retry.attempts || age >= retry.maxAgeMs
  }

  private retryWaitMs(job: InFlightJob, failure: DeliveryFailure): number {
    const { retry } = job.action
    const queue = this.lanes[job.lane]!
    queue.failures += 1
    const waitMs = Math.max(1, backoffMs(queue.failures, retry.minMs, retry.maxMs))
    const level = queue.failures < 5 ? 'info' : queue.failures < 10 ? 'warn' : 'error'
    this.deps.log[level](
      {
        rule: job.action.rule.id,
        action: job.action.type,
        target: this.deps.config.id,
        code: failure.error.code,
        err: failure.error.message,
        attempt: queue.failures,
        retryMs: waitMs,
      },
      'retrying',
    )
    return failure.retryAfterMs === undefined ? waitMs : Math.min(failure.retryAfterMs, retry.maxMs)
  }
}

/** Retry-After is honoured up to `retry.max`. */
function clamped(failure: DeliveryFailure, maxMs: number): DeliveryFailure {
  if (failure.retryAfterMs === undefined) return failure
  return { ...failure, retryAfterMs: Math.min(failure.retryAfterMs, maxMs) }
}

function asDown(error: unknown): DeliveryFailure {
  return { kind: 'down', error: asBingoError(error) }
}

function asUnknown(error: unknown): DeliveryFailure {
  return { kind: 'unknown', error: asBingoError(error) }
}

function asBingoError(error: unknown): BingoError {
  if (error instanceof BingoError) return error
  return new BingoError('BINGO_TARGET_FAILED', error instanceof Error ? error.message : String(error), {
    retryable: true,
    cause: error,
  })
}
