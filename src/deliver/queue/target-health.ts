import { backoffMs } from '../../model/delivery/backoff.ts'
import type { DeliveryFailure, Log } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'
import type { Clock } from '../../model/clock.ts'
import { OutageLevels } from '../../model/delivery/outage-level.ts'
import type { TargetState } from '../../model/delivery/target-state.ts'

/** Pause between probes of a target that is down: one send each few seconds hammers nothing, and lag ends soon after. */
const PROBE = { minMs: 100, maxMs: 3_000 } as const

/**
 * The circuit breaker of one target. Closed: everything goes. Open: nothing goes until the pause is over. Half open: one
 * send at a time goes, as a probe; its success closes the circuit, its failure opens it again for longer.
 */
export class TargetHealth {
  private readonly config: TargetConfig
  private readonly clock: Clock
  private readonly log: Log
  private readonly state: TargetState
  private readonly levels = new OutageLevels()
  private failures = 0
  private downSinceMs = 0
  private probeAtMs = 0
  private answeredAtMs = -Infinity

  constructor(config: TargetConfig, clock: Clock, log: Log, state: TargetState) {
    this.config = config
    this.clock = clock
    this.log = log
    this.state = state
  }

  /** Milliseconds until the next send may go: 0 = now, Infinity = when the probe under way has ended. */
  waitMs(sendsInFlight: number): number {
    if (this.failures === 0) return 0
    if (sendsInFlight > 0) return Infinity
    return Math.max(0, this.probeAtMs - this.clock.monotonicMs())
  }

  /** How long it has been down; 0: it is up. */
  get downForMs(): number {
    return this.failures === 0 ? 0 : Math.max(1, this.clock.monotonicMs() - this.downSinceMs)
  }

  succeeded(): void {
    this.answeredAtMs = this.clock.monotonicMs()
    if (this.failures === 0) return
    const downMs = Math.round(this.clock.monotonicMs() - this.downSinceMs)
    this.failures = 0
    this.state.downSince = 0
    this.log.info({ target: this.config.id, ms: downMs }, 'target is up again')
  }

  /** Of a send that began at `sentAtMs`: one that hangs while others are answered stops nothing but its own lane. */
  failed(failure: DeliveryFailure, sentAtMs = this.clock.monotonicMs()): void {
    const now = this.clock.monotonicMs()
    const first = this.failures === 0
    if (first && failure.timedOut === true && this.answeredAtMs > sentAtMs) return
    if (first) {
      this.downSinceMs = now
      this.state.downSince = this.clock.now()
    }
    this.failures += 1
    this.state.lastError = `${failure.error.code}: ${failure.error.message}`
    const pauseMs = Math.max(failure.retryAfterMs ?? 0, 1, backoffMs(this.failures, PROBE.minMs, PROBE.maxMs))
    this.probeAtMs = now + Math.min(pauseMs, Math.max(PROBE.maxMs, failure.retryAfterMs ?? 0))
    const level = first ? this.levels.begin(now) : this.levels.next(now)
    this.log[level](
      {
        target: this.config.id,
        code: failure.error.code,
        err: failure.error.message,
        hint: failure.error.hint,
        attempt: this.failures,
        retryMs: Math.round(this.probeAtMs - now),
        downMs: Math.round(now - this.downSinceMs),
      },
      'target is down; its events wait',
    )
  }
}
