import type { Clock, Timer } from '../model/clock.ts'
import type { Pausable } from '../model/source/source.ts'
import type { WaitingState } from '../model/stats.ts'

/** Two of the groups that are written together: one is being written, the next one gathers. */
const MOST_UNWRITTEN = 4_000
const GO_ON_BELOW = 2_000
/** A store that writes nothing for so long is down: the budget is there for that. */
const PATIENCE_MS = 1_000

/**
 * Reading rests while thousands of jobs are on their way into the store of what waits. It is faster than any store, and
 * what it reads ahead would only grow old in the heap: as many jobs as the budget allows, collected many times.
 */
export class WritePause {
  private readonly sources: Pausable
  private readonly clock: Pick<Clock, 'after'>
  private readonly waiting: Pick<WaitingState, 'unwritten'>
  private resting: Timer | null = null
  private unwrittenAtLook = 0
  /** The store wrote nothing while it was waited for, and nothing since. */
  private stuck = false

  constructor(sources: Pausable, clock: Pick<Clock, 'after'>, waiting: Pick<WaitingState, 'unwritten'>) {
    this.sources = sources
    this.clock = clock
    this.waiting = waiting
  }

  /** Something was read. */
  check(): void {
    if (this.waiting.unwritten <= MOST_UNWRITTEN || this.resting !== null || this.stuck) return
    this.sources.pause(this)
    this.lookLater()
  }

  /** A job has left memory; it may have been written. */
  released(): void {
    if (this.waiting.unwritten > GO_ON_BELOW) return
    this.stuck = false
    if (this.resting !== null) this.goOn()
  }

  /** Nothing is read any more. */
  stop(): void {
    this.resting?.cancel()
    this.resting = null
  }

  private lookLater(): void {
    this.unwrittenAtLook = this.waiting.unwritten
    this.resting = this.clock.after(PATIENCE_MS, () => {
      if (this.waiting.unwritten < this.unwrittenAtLook) {
        this.lookLater()
        return
      }
      this.stuck = true
      this.goOn()
    })
  }

  private goOn(): void {
    this.stop()
    this.sources.resume(this)
  }
}
