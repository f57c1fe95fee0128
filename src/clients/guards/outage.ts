import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import { OutageLevels } from '../../model/delivery/outage-level.ts'

/** Logs one outage of one connection, with a level that follows how long it lasts. */
export class Outage {
  readonly #log: Log
  readonly #clock: Clock
  readonly #what: string
  #since: number | null = null
  readonly #levels = new OutageLevels()
  #attempts = 0

  /** `what` starts every line, e.g. "Redis", "MySQL". */
  constructor(what: string, log: Log, clock: Clock) {
    this.#what = what
    this.#log = log
    this.#clock = clock
  }

  /** Wall-clock-free duration of the present outage; 0 when up. */
  get durationMs(): number {
    return this.#since === null ? 0 : this.#clock.monotonicMs() - this.#since
  }

  /** One more failed attempt, or the loss itself. */
  failed(error: { code?: string | undefined; message: string }, fields: object = {}): void {
    const now = this.#clock.monotonicMs()
    const first = this.#since === null
    this.#since ??= now
    this.#attempts++
    const level = first ? this.#levels.begin(now) : this.#levels.next(now)
    const ms = Math.round(now - this.#since)
    const details = { ...fields, code: error.code, ms, attempt: this.#attempts, reason: error.message }
    const still = level === 'warn' || level === 'error' ? 'still unreachable' : 'unreachable, retrying'
    this.#log[level](details, `${this.#what} ${still}`)
  }

  /** Up again, or up for the first time. */
  ended(fields: object = {}): void {
    const ms = Math.round(this.durationMs)
    const attempts = this.#attempts
    this.#since = null
    this.#attempts = 0
    this.#log.info(attempts === 0 ? fields : { ...fields, ms, attempt: attempts }, `${this.#what} connected`)
  }
}
