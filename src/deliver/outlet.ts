import type { ActionPlan, DeliveryFailure, Sendable, Target } from '../model/action.ts'
import type { Clock } from '../model/clock.ts'
import { RateLimit } from './queue/rate-limit.ts'

interface Waiting {
  readonly job: Sendable
  readonly resolve: (failure: DeliveryFailure | null) => void
}

/**
 * Sends jobs that wait for nothing but the target: no lanes, no retries. Whoever sends two jobs of a row awaits the first
 * before the second. Jobs that wait together go together, where the target takes that.
 */
export class Outlet {
  private readonly target: Target
  private readonly clock: Clock
  private readonly signal: AbortSignal
  private readonly waiting: Waiting[] = []
  private readonly limits = new Map<ActionPlan, RateLimit>()
  private inFlight = 0
  private requested = false
  /** Once the target is down nothing more is sent: whoever waits is told at once. */
  private down: DeliveryFailure | null = null

  constructor(target: Target, clock: Clock, signal: AbortSignal) {
    this.target = target
    this.clock = clock
    this.signal = signal
  }

  /** Resolves to why the target did not take it, or null when it did. */
  send(job: Sendable): Promise<DeliveryFailure | null> {
    if (this.down !== null) return Promise.resolve(this.down)
    const { promise, resolve } = Promise.withResolvers<DeliveryFailure | null>()
    this.waiting.push({ job, resolve })
    this.request()
    return promise
  }

  private request(): void {
    if (this.requested) return
    this.requested = true
    setImmediate(() => {
      this.requested = false
      this.pump()
    })
  }

  private pump(): void {
    while (this.waiting.length > 0 && this.inFlight < this.target.maxConcurrency) {
      const batch = this.take()
      if (batch.length === 0) return
      void this.deliver(batch)
    }
  }

  private take(): Waiting[] {
    const most = this.target.gather === 'all' ? this.target.maxBatch : 1
    const batch: Waiting[] = []
    while (batch.length < most && this.waiting.length > 0) {
      const waitMs = this.waitMs(this.waiting[0]!.job.action)
      if (waitMs > 0) {
        if (batch.length === 0) setTimeout(() => this.request(), Math.ceil(waitMs))
        break
      }
      batch.push(this.waiting.shift()!)
    }
    return batch
  }

  /** Milliseconds until the action's rate lets one more go; 0 = it counts as gone. */
  private waitMs(action: ActionPlan): number {
    if (action.ratePerSecond === null) return 0
    let limit = this.limits.get(action)
    if (limit === undefined) {
      limit = new RateLimit(action.ratePerSecond, this.clock)
      this.limits.set(action, limit)
    }
    const waitMs = limit.waitMs()
    if (waitMs === 0) limit.take(1)
    return waitMs
  }

  private async deliver(batch: readonly Waiting[]): Promise<void> {
    this.inFlight += 1
    const timeoutMs = Math.max(...batch.map(({ job }) => job.action.timeoutMs))
    const jobs = batch.map(({ job }) => job)
    const result = await withCutOff(this.signal, timeoutMs, (signal) => this.target.send(jobs, signal))
    this.inFlight -= 1
    for (const [i, { resolve }] of batch.entries()) {
      const failure = result?.[i] ?? null
      if (failure?.kind === 'down') this.down ??= failure
      resolve(failure)
    }
    if (this.down !== null) for (const { resolve } of this.waiting.splice(0)) resolve(this.down)
    this.request()
  }
}

/**
 * Aborts the work when `signal` is, or when the time is up. Not AbortSignal.any of both: what that leaves behind lives as
 * long as the timeout, and a retry may make a hundred thousand of them meanwhile.
 */
async function withCutOff<T>(
  signal: AbortSignal,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const onAbort = () => own.abort(signal.reason)
  const timer = setTimeout(() => own.abort(new DOMException('The time is up', 'TimeoutError')), timeoutMs)
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    return await work(own.signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
