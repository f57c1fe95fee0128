import type { Clock } from '../../model/clock.ts'

/** Short bursts pass: what was not used of the last tenth of a second. */
const BURST_SECONDS = 0.1

/** Token bucket for `rate: 500/s`, on the monotonic clock. */
export class RateLimit {
  readonly #perMs: number
  readonly #capacity: number
  readonly #clock: Clock
  #tokens: number
  #at: number

  constructor(perSecond: number, clock: Clock) {
    this.#perMs = perSecond / 1000
    this.#capacity = Math.max(1, perSecond * BURST_SECONDS)
    this.#clock = clock
    this.#tokens = this.#capacity
    this.#at = clock.monotonicMs()
  }

  /** How many of `wanted` sends may go now; they count as gone. */
  take(wanted: number): number {
    this.#refill()
    const granted = Math.min(wanted, Math.floor(this.#tokens))
    this.#tokens -= granted
    return granted
  }

  /** Milliseconds until one more may go; 0 = now. */
  waitMs(): number {
    this.#refill()
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.#perMs
  }

  #refill(): void {
    const now = this.#clock.monotonicMs()
    this.#tokens = Math.min(this.#capacity, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
  }
}
