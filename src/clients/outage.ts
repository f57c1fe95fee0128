import type { Log } from '../core/action.ts'
import type { Clock } from '../core/clock.ts'

/** After this long down an outage is worth a warning, and after that an error. */
const WARN_AFTER_MS = 10_000
const ERROR_AFTER_MS = 60_000

/**
 * Logs one outage of one connection, with a level that follows how long it lasts: the first failure is info (most
 * outages end with the first retry), a warning after 10 s, an error after 60 s and once a minute from then on.
 */
export class Outage {
  readonly #log: Log
  readonly #clock: Clock
  readonly #what: string
  #since: number | null = null
  #lastLogged = 0
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
    this.#since ??= now
    this.#attempts++
    const ms = Math.round(now - this.#since)
    const details = { ...fields, code: error.code, ms, attempt: this.#attempts, reason: error.message }
    if (this.#attempts === 1) this.#write('info', now, details, 'unreachable, retrying')
    else if (ms < WARN_AFTER_MS) this.#log.debug(details, `${this.#what} unreachable, retrying`)
    else if (this.#lastLogged < this.#since + WARN_AFTER_MS) this.#write('warn', now, details, 'still unreachable')
    else if (ms >= ERROR_AFTER_MS && now - this.#lastLogged >= ERROR_AFTER_MS - WARN_AFTER_MS) {
      this.#write('error', now, details, 'still unreachable')
    }
  }

  /** Up again, or up for the first time. */
  ended(fields: object = {}): void {
    const ms = Math.round(this.durationMs)
    const attempts = this.#attempts
    this.#since = null
    this.#attempts = 0
    this.#log.info(attempts === 0 ? fields : { ...fields, ms, attempt: attempts }, `${this.#what} connected`)
  }

  #write(level: 'info' | 'warn' | 'error', now: number, details: object, message: string): void {
    this.#lastLogged = now
    this.#log[level](details, `${this.#what} ${message}`)
  }
}
