import type { Clock } from '../model/clock.ts'
import { TooManyEvents } from './errors.ts'

/** Posters that are remembered; the one that was silent for the longest is forgotten first. */
const MOST_POSTERS = 1_000

/** Lets each poster take in so many events a second, with a second's worth at once. */
export class RateGate {
  private readonly ratePerSecond: number
  private readonly clock: Pick<Clock, 'monotonicMs'>
  /** By poster: when it would have nothing left to pay for. */
  private readonly paidUntil = new Map<string, number>()

  constructor(ratePerSecond: number, clock: Pick<Clock, 'monotonicMs'>) {
    this.ratePerSecond = ratePerSecond
    this.clock = clock
  }

  /** Throws TooManyEvents. More at once than a second allows are taken, and paid for afterwards. */
  pass(poster: string, count: number): void {
    const now = this.clock.monotonicMs()
    const from = Math.max(this.paidUntil.get(poster) ?? 0, now)
    const ahead = from - now
    const cost = (count * 1_000) / this.ratePerSecond
    if (ahead > 0 && ahead + cost > 1_000) throw new TooManyEvents(Math.min(ahead, ahead + cost - 1_000))
    this.paidUntil.delete(poster)
    this.paidUntil.set(poster, from + cost)
    if (this.paidUntil.size > MOST_POSTERS) this.paidUntil.delete(this.paidUntil.keys().next().value!)
  }
}
