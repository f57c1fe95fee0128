export type OutageLevel = 'debug' | 'info' | 'warn' | 'error'

/** After this long down an outage is worth a warning, and after that an error. */
const WARN_AFTER_MS = 10_000
const ERROR_AFTER_MS = 60_000
/** Between two errors about the same outage. */
const ERROR_EVERY_MS = 50_000

/**
 * The log level of each failed try of one outage, which follows how long it lasts, and not how often it is tried: the
 * first failure is info (most outages end with the first retry), then there is a warning after 10 s, and an error after
 * 60 s and about once a minute from then on. All others are debug.
 */
export class OutageLevels {
  private sinceMs = 0
  private loggedMs = 0

  /** The outage begins: its first failure is info. */
  begin(nowMs: number): 'info' {
    this.sinceMs = nowMs
    this.loggedMs = nowMs
    return 'info'
  }

  next(nowMs: number): OutageLevel {
    const level = this.due(nowMs)
    if (level !== 'debug') this.loggedMs = nowMs
    return level
  }

  private due(nowMs: number): OutageLevel {
    const downMs = nowMs - this.sinceMs
    if (downMs < WARN_AFTER_MS) return 'debug'
    if (this.loggedMs < this.sinceMs + WARN_AFTER_MS) return 'warn'
    return downMs >= ERROR_AFTER_MS && nowMs - this.loggedMs >= ERROR_EVERY_MS ? 'error' : 'debug'
  }
}
