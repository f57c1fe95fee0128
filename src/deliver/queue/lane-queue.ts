import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'

/** What a lane of a target is doing. Only an `idle` lane with jobs may be queued for sending. */
export type LaneState = 'idle' | 'ready' | 'busy' | 'waiting'

/** The jobs of one lane for one target, first in, first out (invariant 2). A deque over an array with a moving head. */
export class LaneQueue {
  state: LaneState = 'idle'
  /** Consecutive failed sends of the job at the head; sets the backoff. */
  failures = 0
  /** Monotonic ms of the first of them. */
  failingSinceMs = 0
  /** Jobs at the head that are being sent, or are being given up. */
  underWay = 0
  /** Null ahead of the head: what has ended is garbage at once, however long the lane stays busy. */
  private jobs: (InFlightJob | null)[] = []
  private head = 0

  get length(): number {
    return this.jobs.length - this.head
  }

  push(job: InFlightJob): void {
    this.jobs.push(job)
  }

  /** The entry `offset` places behind the head. */
  at(offset: number): InFlightJob | undefined {
    return this.jobs[this.head + offset] ?? undefined
  }

  /** The first `count` entries become one for each of their rows; answers how many that are. */
  split(count: number): number {
    const entries = this.jobs.slice(this.head) as InFlightJob[]
    const singles = entries.slice(0, count).flatMap((job) => job.singles())
    this.jobs = [...singles, ...entries.slice(count)]
    this.head = 0
    return singles.length
  }

  /** Removes jobs that are not under way; answers them in order. */
  takeOut(isTaken: (job: InFlightJob) => boolean): InFlightJob[] {
    const from = this.head + this.underWay
    const taken: InFlightJob[] = []
    const kept = this.jobs.slice(this.head, from)
    const entries = this.jobs.slice(from) as InFlightJob[]
    for (const job of entries.flatMap((entry) => entry.singles())) (isTaken(job) ? taken : kept).push(job)
    this.jobs = kept
    this.head = 0
    if (taken.length > 0 && this.underWay === 0) this.failures = 0
    return taken
  }

  /** Removes the first `count` jobs, then puts `kept` (some of them, in order) back in front. */
  settle(count: number, kept: readonly InFlightJob[] | null): void {
    this.underWay = 0
    this.jobs.fill(null, this.head, this.head + count)
    this.head += count
    if (kept !== null && kept.length > 0) {
      this.head -= kept.length
      for (let i = 0; i < kept.length; i++) this.jobs[this.head + i] = kept[i]!
    }
    if (this.head === this.jobs.length) {
      this.jobs = []
      this.head = 0
    } else if (this.head > 1024 && this.head * 2 > this.jobs.length) {
      this.jobs = this.jobs.slice(this.head)
      this.head = 0
    }
  }
}
