import { performance } from 'node:perf_hooks'

/** How long one turn of the event loop may read: what else waits (leases, probes, replies) waits for so long at most. */
const LONGEST_MS = 10

/**
 * One turn of the event loop, as far as reading goes. libuv reads a socket up to 32 times before it looks at anything else,
 * and each of these reads may bring thousands of rows and write them to a disk: seconds without a timer. `now`: monotonic
 * milliseconds; `atItsEnd`: calls back when the loop is through with what it has to read.
 */
export class Turn {
  private readonly now: () => number
  private readonly atItsEnd: (fn: () => void) => void
  private began = 0
  private running = false

  constructor(now = (): number => performance.now(), atItsEnd: (fn: () => void) => void = setImmediate) {
    this.now = now
    this.atItsEnd = atItsEnd
  }

  /** Asked after each read. Undefined while the turn may go on; else a promise that settles when it is over. */
  overrun(): Promise<void> | undefined {
    const now = this.now()
    if (!this.running) {
      this.running = true
      this.began = now
      this.atItsEnd(() => (this.running = false))
      return undefined
    }
    if (now - this.began < LONGEST_MS) return undefined
    return new Promise((resolve) => this.atItsEnd(resolve))
  }
}
