import { BriefPause } from './brief-pause.ts'
import type { Log, TargetConfig } from '../model/action.ts'
import { blockingTarget, RESUME_SHARE } from '../model/blocking-target.ts'
import type { Clock, Timer } from '../model/clock.ts'
import type { InFlightJob } from '../model/in-flight-job.ts'
import type { Pausable } from '../model/source.ts'
import { targetStatsOf } from '../model/stats.ts'
import type { Stats, TargetStats } from '../model/stats.ts'

/** Bulk changes pause and resume reading many times a second; only what lasts is looked at for the log. */
const LOOK_EVERY_MS = 1_000

export interface BackPressureDeps {
  readonly stats: Stats
  readonly log: Log
  readonly clock: Clock
  readonly sources: Pausable
}

/**
 * The budget of unfinished work in bytes (invariant 6). Reading pauses when all of it is used, or when a target that is
 * down holds its share: the rest stays free for the rules with other targets while reading goes on.
 */
export class BackPressure {
  private readonly deps: BackPressureDeps
  private lastConfig: TargetConfig | null = null
  private lastTarget: TargetStats | null = null
  private readonly brief: BriefPause
  private timer: Timer | null = null
  private toldAtMs: number | null = null

  constructor(deps: BackPressureDeps) {
    this.deps = deps
    this.brief = new BriefPause(deps.sources, deps.clock)
  }

  charge(job: InFlightJob): void {
    const { stats } = this.deps
    stats.inFlightJobs += 1
    stats.inFlightBytes += job.bytes
    this.target(job.action.target).inFlightBytes += job.bytes
  }

  release(job: InFlightJob): void {
    const { stats } = this.deps
    stats.inFlightJobs -= 1
    stats.inFlightBytes -= job.bytes
    const target = this.target(job.action.target)
    target.inFlightBytes -= job.bytes
    this.brief.released(target)
    if (!stats.pausedByBackPressure || stats.inFlightBytes >= stats.budgetBytes * RESUME_SHARE) return
    if (blockingTarget(stats) === null) this.resume()
  }

  /** Pauses reading when it is time to. */
  check(): void {
    const { deps } = this
    const { stats } = deps
    if (stats.pausedByBackPressure) return
    if (stats.inFlightBytes <= stats.budgetBytes && blockingTarget(stats) === null) {
      // All jobs of a bulk change go to the same few targets: the last one tells as well as any.
      if (this.lastTarget !== null) this.brief.check(this.lastTarget)
      return
    }
    stats.pausedByBackPressure = true
    deps.sources.pause(this)
    this.timer = deps.clock.every(LOOK_EVERY_MS, () => this.tell())
  }

  stop(): void {
    this.stopLooking()
    this.brief.stop()
  }

  private resume(): void {
    const { stats, log, clock, sources } = this.deps
    stats.pausedByBackPressure = false
    this.stopLooking()
    if (this.toldAtMs !== null) log.info({ ms: Math.round(clock.monotonicMs() - this.toldAtMs) }, 'reading goes on')
    this.toldAtMs = null
    sources.resume(this)
  }

  private stopLooking(): void {
    this.timer?.cancel()
    this.timer = null
  }

  private tell(): void {
    const { stats, log, clock } = this.deps
    const blocking = blockingTarget(stats)
    if (blocking === null || this.toldAtMs !== null) return
    this.toldAtMs = clock.monotonicMs()
    const { queued, inFlightBytes, downSince, lastError } = blocking.target
    log.warn(
      {
        code: 'BINGO_BACK_PRESSURE',
        target: blocking.id,
        jobs: queued,
        bytes: inFlightBytes,
        downMs: Math.round(clock.now() - downSince),
        err: lastError,
      },
      'reading is paused: a target is down and its events fill its share of the budget',
    )
  }

  private target(config: TargetConfig): TargetStats {
    if (config !== this.lastConfig) {
      this.lastConfig = config
      this.lastTarget = targetStatsOf(this.deps.stats, config.id, config.type)
    }
    return this.lastTarget!
  }
}
