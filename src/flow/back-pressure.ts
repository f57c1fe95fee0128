import { BriefPause } from './brief-pause.ts'
import type { Log } from '../model/rule/action.ts'
import type { Budget } from '../model/delivery/budget.ts'
import type { Clock, Timer } from '../model/clock.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { Pausable } from '../model/source/source.ts'
import type { WaitingState } from '../model/stats.ts'
import { WritePause } from './write-pause.ts'

/** Bulk changes pause and resume reading many times a second; only what lasts is looked at for the log. */
const LOOK_EVERY_MS = 1_000

export interface BackPressureDeps {
  readonly budget: Budget
  readonly log: Log
  readonly clock: Clock
  readonly sources: Pausable
  readonly waiting: Pick<WaitingState, 'unwritten'>
}

/**
 * The budget of unfinished work in bytes (invariant 6). Reading pauses when all of it is used, or when a target that is
 * down holds its share: the rest stays free for the rules with other targets while reading goes on.
 */
export class BackPressure {
  private readonly deps: BackPressureDeps
  private readonly brief: BriefPause
  private readonly writes: WritePause
  private timer: Timer | null = null
  private toldAtMs: number | null = null

  constructor(deps: BackPressureDeps) {
    this.deps = deps
    this.brief = new BriefPause(deps.sources, deps.clock)
    this.writes = new WritePause(deps.sources, deps.clock, deps.waiting)
  }

  charge(job: InFlightJob): void {
    this.deps.budget.charge(job.action.target, job.bytes, job.count)
  }

  release(job: InFlightJob): void {
    const { budget } = this.deps
    this.brief.released(budget.release(job.action.target, job.bytes, job.count))
    this.writes.released()
    if (budget.paused && budget.hasRoom) this.resume()
  }

  /** Pauses reading when it is time to. */
  check(): void {
    const { budget, sources, clock } = this.deps
    this.writes.check()
    if (budget.paused) return
    if (!budget.full) {
      // All jobs of a bulk change go to the same few targets: the last one tells as well as any.
      if (budget.latest !== null) this.brief.check(budget.latest)
      return
    }
    budget.paused = true
    sources.pause(this)
    this.timer = clock.every(LOOK_EVERY_MS, () => this.tell())
  }

  stop(): void {
    this.stopLooking()
    this.brief.stop()
    this.writes.stop()
  }

  private resume(): void {
    const { budget, log, clock, sources } = this.deps
    budget.paused = false
    this.stopLooking()
    if (this.toldAtMs !== null) log.info({ ms: Math.round(clock.monotonicMs() - this.toldAtMs) }, 'reading resumed')
    this.toldAtMs = null
    sources.resume(this)
  }

  private stopLooking(): void {
    this.timer?.cancel()
    this.timer = null
  }

  private tell(): void {
    const { budget, log, clock } = this.deps
    const blocking = budget.blockingTarget()
    if (blocking === null || this.toldAtMs !== null) return
    this.toldAtMs = clock.monotonicMs()
    const { queued, inFlightBytes, downSince, lastError } = blocking
    log.warn(
      {
        code: 'BINGO_BACK_PRESSURE',
        target: blocking.id,
        jobs: queued,
        bytes: inFlightBytes,
        downMs: Math.round(clock.now() - downSince),
        err: lastError,
      },
      'reading paused: a target is down and its backlog fills its share of the memory budget',
    )
  }
}
