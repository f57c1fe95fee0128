import type { Clock, Timer } from '../../model/clock.ts'

/**
 * When a queue sends: once per turn of the event loop, after the packets of a read have been worked off, so that batches
 * form by themselves; and when whoever is down may be probed.
 */
export class Flushes {
  private readonly flush: () => void
  private readonly clock: Pick<Clock, 'after'>
  private requested = false
  private timer: Timer | null = null

  constructor(flush: () => void, clock: Pick<Clock, 'after'>) {
    this.flush = flush
    this.clock = clock
  }

  request(): void {
    if (this.requested) return
    this.requested = true
    queueMicrotask(() => {
      this.requested = false
      this.flush()
    })
  }

  later(waitMs: number): void {
    this.timer ??= this.clock.after(waitMs, () => {
      this.timer = null
      this.flush()
    })
  }

  cancel(): void {
    this.timer?.cancel()
  }
}
