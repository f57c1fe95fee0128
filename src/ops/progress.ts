import type { Clock } from '../model/clock.ts'
import type { SourceState } from '../model/source/source-state.ts'
import type { Stats } from '../model/stats.ts'
import { DeliveryWatch } from './delivery-watch.ts'

const SAMPLE_MS = 1_000

/** What one source looked like so far. */
interface Seen {
  allDoneAt: number
  receivedAt: number
  /** By the monotonic clock. */
  receivedMs: number
}

/**
 * How far behind BinGo is. One look cannot tell an idle hour from an hour of lag, so the sources are looked at once a
 * second: whatever was committed before a moment at which all was read and all was done is no lag.
 */
export class Progress {
  private readonly stats: Stats
  private readonly clock: Clock
  private readonly startedAt: number
  private readonly startedMs: number
  private readonly seen = new Map<SourceState, Seen>()
  readonly delivery: DeliveryWatch

  constructor(stats: Stats, clock: Clock) {
    this.stats = stats
    this.clock = clock
    this.startedAt = clock.now()
    this.startedMs = clock.monotonicMs()
    this.delivery = new DeliveryWatch(stats, clock)
  }

  start(): Disposable {
    const timer = this.clock.every(SAMPLE_MS, () => this.sample())
    return { [Symbol.dispose]: () => timer.cancel() }
  }

  sample(): void {
    for (const source of this.stats.sources.values()) this.look(source)
    this.delivery.sample()
  }

  /**
   * Age of the oldest committed change (of one source, else of all) that is not finished, at most; 0 when there is none.
   * Within one second.
   */
  lagMs(of?: SourceState): number {
    this.sample()
    const lags = [...(of === undefined ? this.stats.sources.values() : [of])].map((source) => this.lagOf(source))
    return Math.max(0, ...lags)
  }

  /** Since the last event or heartbeat of a source; a jump of the wall clock is no silence. */
  silentMs(source: SourceState): number {
    return this.clock.monotonicMs() - this.look(source).receivedMs
  }

  uptimeMs(): number {
    return this.clock.now() - this.startedAt
  }

  private lagOf(source: SourceState): number {
    const now = this.clock.now()
    const { allDoneAt } = this.look(source)
    const finishedAt = Math.max(allDoneAt, source.finishedAt) || this.startedAt
    return allDoneAt === now ? 0 : now - finishedAt
  }

  private look(source: SourceState): Seen {
    let seen = this.seen.get(source)
    if (seen === undefined) {
      seen = { allDoneAt: 0, receivedAt: 0, receivedMs: this.startedMs }
      this.seen.set(source, seen)
    }
    if (source.allDone) seen.allDoneAt = this.clock.now()
    if (source.lastReceivedAt !== seen.receivedAt) {
      seen.receivedAt = source.lastReceivedAt
      seen.receivedMs = this.clock.monotonicMs()
    }
    return seen
  }
}
