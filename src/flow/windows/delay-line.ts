import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { Clock, Timer } from '../../model/clock.ts'

/**
 * Holds the jobs of one rule back until `delayMs` after their commit (`delay: 30s`). Durable without a store of its own:
 * a waiting job holds the checkpoint, so after a restart it is read again and waits for the rest of its time.
 */
export class DelayLine {
  private delayMs: number
  private readonly release: (job: InFlightJob) => void
  private readonly clock: Clock
  private readonly steadyNow: () => number
  private waiting: { readonly job: InFlightJob; readonly dueAtMs: number }[] = []
  private timer: Timer | null = null

  /** `steadyNow`: wall time that no setting of the clock moves. */
  constructor(delayMs: number, release: (job: InFlightJob) => void, clock: Clock, steadyNow: () => number) {
    this.delayMs = delayMs
    this.release = release
    this.clock = clock
    this.steadyNow = steadyNow
  }

  get size(): number {
    return this.waiting.length
  }

  add(job: InFlightJob): void {
    this.waiting.push({ job, dueAtMs: Math.max(this.dueAtMs(job), this.waiting.at(-1)?.dueAtMs ?? 0) })
    this.schedule()
  }

  /** The delay changes, for what waits too, whose order stays; nothing that waits has to wait longer than before. */
  useDelay(delayMs: number): void {
    if (delayMs === this.delayMs) return
    this.delayMs = delayMs
    let lastMs = 0
    this.waiting = this.waiting.map(({ job, dueAtMs }) => {
      lastMs = Math.max(lastMs, Math.min(dueAtMs, this.dueAtMs(job)))
      return { job, dueAtMs: lastMs }
    })
    this.stop()
    this.releaseDue()
  }

  /** In monotonic milliseconds. */
  private dueAtMs(job: InFlightJob): number {
    // The server's clock and ours differ, and ours may be set: never longer than the delay, never negative, and shorter
    // only where the time that has passed since we began says so as well.
    const now = Math.min(this.clock.now(), this.steadyNow())
    const committedAgoMs = now - job.change.transaction.timestampUs / 1000
    return this.clock.monotonicMs() + Math.min(this.delayMs, Math.max(0, this.delayMs - committedAgoMs))
  }

  /** Stops the timer; what waits stays held and is replayed after the restart. */
  stop(): void {
    this.timer?.cancel()
    this.timer = null
  }

  private schedule(): void {
    const first = this.waiting[0]
    if (this.timer !== null || first === undefined) return
    const waitMs = Math.ceil(first.dueAtMs - this.clock.monotonicMs())
    this.timer = this.clock.after(Math.max(0, waitMs), () => this.releaseDue())
  }

  private releaseDue(): void {
    this.timer = null
    const now = this.clock.monotonicMs()
    let due = 0
    while (due < this.waiting.length && this.waiting[due]!.dueAtMs <= now) due += 1
    const released = this.waiting.slice(0, due)
    this.waiting = this.waiting.slice(due)
    for (const { job } of released) this.release(job)
    this.schedule()
  }
}
