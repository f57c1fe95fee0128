import { backoffMs } from '../core/backoff.ts'
import type { DeliveryFailure, Log, TargetConfig } from '../core/action.ts'
import type { Clock } from '../core/clock.ts'
import type { TargetStats } from '../core/stats.ts'

/** Pause between probes of a target that is down. */
const PROBE = { minMs: 100, maxMs: 10_000 } as const
/** An outage is news at once, a warning from here on, an error from there (STYLE: the level follows the length). */
const WARN_AFTER_MS = 10_000
const ERROR_AFTER_MS = 60_000

/**
 * The circuit breaker of one target. Closed: everything goes. Open: nothing goes until the pause is over. Half open: one
 * send at a time goes, as a probe; its success closes the circuit, its failure opens it again for longer.
 */
export class TargetHealth {
  private readonly config: TargetConfig
  private readonly clock: Clock
  private readonly log: Log
  private readonly stats: TargetStats
  private failures = 0
  private downSinceMs = 0
  private probeAtMs = 0

  constructor(config: TargetConfig, clock: Clock, log: Log, stats: TargetStats) {
    this.config = config
    this.clock = clock
    this.log = log
    this.stats = stats
  }

  /** Milliseconds until the next send may go: 0 = now, Infinity = when the probe under way has ended. */
  waitMs(sendsInFlight: number): number {
    if (this.failures === 0) return 0
    if (sendsInFlight > 0) return Infinity
    return Math.max(0, this.probeAtMs - this.clock.monotonicMs())
  }

  succeeded(): void {
    if (this.failures === 0) return
    const downMs = Math.round(this.clock.monotonicMs() - this.downSinceMs)
    this.failures = 0
    this.stats.downSince = 0
    this.log.info({ target: this.config.id, ms: downMs }, 'target is up again')
  }

  failed(failure: DeliveryFailure): void {
    const now = this.clock.monotonicMs()
    if (this.failures === 0) {
      this.downSinceMs = now
      this.stats.downSince = this.clock.now()
    }
    this.failures += 1
    this.stats.lastError = `${failure.error.code}: ${failure.error.message}`
    const pauseMs = Math.max(failure.retryAfterMs ?? 0, 1, backoffMs(this.failures, PROBE.minMs, PROBE.maxMs))
    this.probeAtMs = now + Math.min(pauseMs, Math.max(PROBE.maxMs, failure.retryAfterMs ?? 0))
    const downMs = now - this.downSinceMs
    const level = downMs < WARN_AFTER_MS ? 'info' : downMs < ERROR_AFTER_MS ? 'warn' : 'error'
    this.log[level](
      {
        target: this.config.id,
        code: failure.error.code,
        err: failure.error.message,
        attempt: this.failures,
        retryMs: Math.round(this.probeAtMs - now),
        downMs: Math.round(downMs),
      },
      'target is down; its events wait',
    )
  }
}
