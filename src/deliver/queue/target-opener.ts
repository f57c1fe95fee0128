import type { Target } from '../../model/rule/action.ts'
import type { Clock, Timer } from '../../model/clock.ts'
import { thrownFailure } from '../../targets/failure/failure.ts'
import type { TargetHealth } from './target-health.ts'

/** Opens one target, and tries again with the breaker's pauses until it is open. */
export class TargetOpener {
  /** Null until it is open. */
  target: Target | null = null
  private open: () => Promise<Target>
  /** What is open, or being opened, has options that do not hold any more. */
  private outdated = false
  private readonly health: TargetHealth
  private readonly clock: Pick<Clock, 'after'>
  private readonly onOpen: () => void
  private opening = false
  private closed = false
  private timer: Timer | null = null

  constructor(open: () => Promise<Target>, health: TargetHealth, clock: Pick<Clock, 'after'>, onOpen: () => void) {
    this.open = open
    this.health = health
    this.clock = clock
    this.onOpen = onOpen
  }

  /** Begins to open it, unless that is done or under way. */
  prepare(): void {
    if (this.target !== null || this.opening || this.timer !== null || this.closed) return
    this.opening = true
    void this.tryOpen()
  }

  /** From now on it is opened like this. `renew` has to be called once nothing is being sent. */
  replace(open: () => Promise<Target>): void {
    this.open = open
    this.outdated = this.target !== null || this.opening
  }

  /** Whether `renew` has to be called before anything else is sent. */
  get needsRenewal(): boolean {
    return this.outdated && this.target !== null
  }

  /** Closes what is open and opens it as it is to be. */
  renew(): void {
    const old = this.target
    this.target = null
    this.outdated = false
    void old?.close().catch(() => undefined)
    this.prepare()
  }

  async close(): Promise<void> {
    this.closed = true
    this.timer?.cancel()
    await this.target?.close()
  }

  private async tryOpen(): Promise<void> {
    try {
      const target = await this.open()
      if (this.closed) return await target.close()
      this.target = target
      this.health.succeeded()
      this.onOpen()
    } catch (error) {
      this.health.failed(thrownFailure('down', error))
      this.tryAgainLater(Math.max(1, this.health.waitMs(0)))
    } finally {
      this.opening = false
    }
  }

  private tryAgainLater(waitMs: number): void {
    if (this.closed) return
    this.timer = this.clock.after(waitMs, () => {
      this.timer = null
      this.prepare()
    })
  }
}
