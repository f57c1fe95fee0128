import type { Clock, Timer } from '../model/clock.ts'
import { backoffMs } from '../model/delivery/backoff.ts'
import { BingoError } from '../model/errors.ts'
import type { Log } from '../model/rule/action.ts'
import type { EventProvider } from '../model/state/event-provider.ts'

export interface DueTimerDeps {
  readonly provider: Pick<EventProvider, 'due'>
  readonly clock: Clock
  readonly log: Log
}

/** Events that are moved in one call. */
const BATCH = 1_000
/** The wall clock may be set, and another instance may store an event that is due sooner: nobody sleeps for longer. */
const LONGEST_MS = 1_000
const RETRY = { minMs: 200, maxMs: 10_000 } as const

/** Moves events into the log when they are due. */
export class DueTimer {
  private readonly deps: DueTimerDeps
  private timer: Timer | null = null
  private wakeAt = Infinity
  private moving = false
  private again = false
  private failures = 0
  private closed = false

  constructor(deps: DueTimerDeps) {
    this.deps = deps
  }

  start(): void {
    void this.move()
  }

  /** An event that is due at this time was stored. */
  waitsFor(at: number): void {
    if (at < this.wakeAt) this.sleepUntil(at)
  }

  close(): void {
    this.closed = true
    this.timer?.cancel()
  }

  private async move(): Promise<void> {
    if (this.moving) {
      this.again = true
      return
    }
    const { provider, clock } = this.deps
    this.moving = true
    let nextAt: number | null = null
    try {
      do {
        this.again = false
        const { moved, nextAt: next } = await provider.due(clock.now(), BATCH)
        nextAt = next
        if (moved === BATCH) this.again = true
      } while (this.again && !this.closed)
      this.failures = 0
    } catch (error) {
      nextAt = clock.now() + this.failed(error)
    } finally {
      this.moving = false
    }
    this.sleepUntil(nextAt ?? Infinity)
  }

  private sleepUntil(at: number): void {
    if (this.closed) return
    const { clock } = this.deps
    this.timer?.cancel()
    const ms = Math.min(Math.max(0, at - clock.now()), LONGEST_MS)
    this.wakeAt = clock.now() + ms
    this.timer = clock.afterIdle(ms, () => {
      this.wakeAt = Infinity
      void this.move()
    })
  }

  private failed(error: unknown): number {
    this.failures += 1
    const fields = {
      code: error instanceof BingoError ? error.code : 'BINGO_INTERNAL',
      err: error instanceof Error ? error.message : String(error),
      attempt: this.failures,
    }
    this.deps.log[this.failures < 5 ? 'warn' : 'error'](fields, 'events that are due cannot enter the log; retrying')
    return backoffMs(this.failures, RETRY.minMs, RETRY.maxMs)
  }
}
