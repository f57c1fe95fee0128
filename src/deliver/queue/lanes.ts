import type { Clock, Timer } from '../../model/clock.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import { LaneQueue } from './lane-queue.ts'

/** The ordered lane queues of one target (invariant 2), and which of them have something that may be sent. */
export class Lanes {
  /** Lanes to send from, in the order in which they became ready. */
  readonly ready: number[] = []
  private readonly queues: LaneQueue[]
  private readonly onReady: () => void
  private readonly clock: Pick<Clock, 'after'>
  private readonly timers = new Set<Timer>()
  private queuedEntries = 0

  constructor(count: number, clock: Pick<Clock, 'after'>, onReady: () => void) {
    this.clock = clock
    this.queues = Array.from({ length: count }, () => new LaneQueue())
    this.onReady = onReady
  }

  /** Entries (jobs, runs of rows, placeholders) that are queued or in flight. */
  get queued(): number {
    return this.queuedEntries
  }

  at(lane: number): LaneQueue {
    return this.queues[lane]!
  }

  push(job: InFlightJob): void {
    this.queuedEntries += 1
    this.queues[job.lane]!.push(job)
    this.wake(job.lane)
  }

  /** Looks again whether the lane has something to send. */
  wake(lane: number): void {
    const queue = this.queues[lane]!
    if (queue.state === 'idle' && queue.length > 0) {
      queue.state = 'ready'
      this.ready.push(lane)
      this.onReady()
    }
  }

  /** The lane sends nothing before so many milliseconds have passed; 0 = at once. */
  wakeAfter(lane: number, waitMs: number): void {
    if (waitMs <= 0) {
      this.wake(lane)
      return
    }
    const queue = this.queues[lane]!
    queue.state = 'waiting'
    const timer = this.clock.after(waitMs, () => {
      this.timers.delete(timer)
      if (queue.state !== 'waiting') return
      queue.state = 'idle'
      this.wake(lane)
    })
    this.timers.add(timer)
  }

  /** Nothing waits for its time any more. */
  wakeAll(): void {
    for (const [lane, queue] of this.queues.entries()) {
      if (queue.state === 'waiting') queue.state = 'idle'
      this.wake(lane)
    }
  }

  /** The first `count` entries of a lane are done with, but for `kept`, which stay in front. */
  settle(lane: number, count: number, kept: readonly InFlightJob[] | null): void {
    const queue = this.queues[lane]!
    queue.settle(count, kept)
    queue.state = 'idle'
    if (kept === null || kept.length === 0) queue.failures = 0
    this.queuedEntries -= count - (kept?.length ?? 0)
  }

  /** The first `count` entries of the lane become one for each of their rows; answers how many that are. */
  split(lane: number, count: number): number {
    const singles = this.queues[lane]!.split(count)
    this.queuedEntries += singles - count
    return singles
  }

  /** Jobs that are not under way leave; by lane, in order. */
  takeOut(isTaken: (job: InFlightJob) => boolean): InFlightJob[][] {
    return this.queues.map((queue, lane) => {
      const before = queue.length
      const taken = queue.takeOut(isTaken)
      this.queuedEntries += queue.length - before
      if (taken.length > 0) this.wake(lane)
      return taken
    })
  }

  /** Something is being sent, or given up. */
  get underWay(): boolean {
    return this.queues.some(({ underWay }) => underWay > 0)
  }

  close(): void {
    for (const timer of this.timers) timer.cancel()
  }
}
