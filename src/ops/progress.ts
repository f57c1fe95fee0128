import type { Clock } from '../model/clock.ts'
import type { Stats } from '../model/stats.ts'
import { DeliveryWatch } from './delivery-watch.ts'

const SAMPLE_MS = 1_000

/**
 * How far behind BinGo is. The counters alone cannot tell an idle hour from an hour of lag, so they are looked at once
 * a second: whatever was committed before a moment at which all was read and all was done is no lag.
 */
export class Progress {
  private readonly stats: Stats
  private readonly clock: Clock
  private readonly startedAt: number
  private allDoneAt = 0
  private savedAt = 0
  private failuresWhenSaved = 0
  private receivedAt = 0
  private receivedMs: number
  readonly delivery: DeliveryWatch

  constructor(stats: Stats, clock: Clock) {
    this.stats = stats
    this.clock = clock
    this.startedAt = clock.now()
    this.receivedMs = clock.monotonicMs()
    this.delivery = new DeliveryWatch(stats, clock)
  }

  start(): Disposable {
    const timer = this.clock.every(SAMPLE_MS, () => this.sample())
    return { [Symbol.dispose]: () => timer.cancel() }
  }

  sample(): void {
    const { stats } = this
    if (stats.connected && stats.caughtUp && stats.inFlightJobs === 0) this.allDoneAt = this.clock.now()
    if (stats.checkpointSavedAt !== this.savedAt) {
      this.savedAt = stats.checkpointSavedAt
      this.failuresWhenSaved = stats.checkpointFailuresTotal
    }
    if (stats.lastReceivedAt !== this.receivedAt) {
      this.receivedAt = stats.lastReceivedAt
      this.receivedMs = this.clock.monotonicMs()
    }
    this.delivery.sample()
  }

  /** Age of the oldest committed change that is not finished, at most; 0 when there is none. Within one second. */
  lagMs(): number {
    this.sample()
    const finishedUpTo = Math.max(this.allDoneAt, this.stats.watermarkCommitAt) || this.startedAt
    return this.allDoneAt === this.clock.now() ? 0 : Math.max(0, this.clock.now() - finishedUpTo)
  }

  /** Attempts to save the checkpoint that failed since the last one that worked. */
  checkpointFailures(): number {
    this.sample()
    return this.stats.checkpointFailuresTotal - this.failuresWhenSaved
  }

  /** Since the last event or heartbeat; by the monotonic clock, so that a jump of the wall clock is no silence. */
  silentMs(): number {
    this.sample()
    return this.clock.monotonicMs() - this.receivedMs
  }

  uptimeMs(): number {
    return this.clock.now() - this.startedAt
  }
}
