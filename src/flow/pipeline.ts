import type { Deliveries } from '../model/deliveries.ts'
import type { DeliveryRun, ReplayWindow } from '../model/delivery-run.ts'
import { NO_GAPS, type GapLog } from '../model/gap.ts'
import type { InFlightJob } from '../model/in-flight-job.ts'
import type { SourcePosition } from '../model/position.ts'
import type { RuleSet } from '../model/rule.ts'
import { BackPressure } from './back-pressure.ts'
import { CheckpointSaver } from './checkpoint/saver.ts'
import { Watermark } from './checkpoint/watermark.ts'
import { GapKeeper } from './gap-keeper.ts'
import { Ingest } from './ingest.ts'
import { Matcher } from '../match/matcher.ts'
import type { Pipeline, PipelineDeps, PipelineOptions } from './pipeline-contract.ts'
import { Router } from './router.ts'

/**
 * The stages in order, from the server's binlog to the targets and back to the checkpoint:
 *
 *   source ─▶ binlog ─▶ Ingest ─▶ Matcher ─▶ lane ─▶ Router ─▶ TargetQueue ─▶ Target
 *     ▲        bytes to   jobs,     rules,    hash    delay,     per lane:      one adapter
 *     │        trans-     holds     filters,  of key  debounce   batch, retry   per type
 *     │        actions              payloads                        │
 *     └─ pause/resume: budget of bytes ◀──────── job ends ◀─────────┼──▶ dead letters
 *                                                    │
 *              CheckpointSaver ◀── Watermark ◀───────┘
 *
 * Invariants, cited by number where they are upheld:
 *  1  Every committed matching change is acted on or is in the dead letters.
 *  2  Per key, in commit order; across rules that act on one target too, as long as they have no debounce window.
 *  3  Nothing is delivered that was not committed.
 *  4  The checkpoint never passes an unfinished change.
 *  5  A duplicate carries the same id, and only occurs after a crash, within the replayed window.
 *  6  Memory is bounded in bytes, whatever the size of a transaction and however long a target is down.
 *  7  After a fault heals, lag returns to zero by itself.
 *  8  Never silently skip: a gap stops with a clear error unless the configuration says otherwise.
 */
export function createPipeline(options: PipelineOptions, deps: PipelineDeps): Pipeline {
  return new StagedPipeline(options, deps)
}

const DRAIN_POLL_MS = 5

class StagedPipeline implements Pipeline {
  private readonly options: PipelineOptions
  private readonly deps: PipelineDeps
  private readonly watermark: Watermark
  private readonly ingest: Ingest
  private readonly router: Router
  private readonly saver: CheckpointSaver
  private readonly gapKeeper: GapKeeper
  private readonly backPressure: BackPressure
  private readonly deliveries: Deliveries
  /** It is known which row keys are parked. */
  private opened = false
  private ruleSet: RuleSet
  /** Cuts off what is under way, when the deadline of a stop has passed. */
  private readonly giveUp = new AbortController()
  /** Number of the newest transaction below the stored checkpoint. */
  private storedUpTo = 0

  constructor(options: PipelineOptions, deps: PipelineDeps) {
    this.options = options
    this.deps = deps
    this.ruleSet = deps.ruleSet
    this.watermark = new Watermark(options.start)
    const run: DeliveryRun = { name: options.name, epoch: options.epoch, window: this.replayWindow() }
    this.deliveries = deps.deliveries(run, {
      signal: this.giveUp.signal,
      ruleStats: (id) => this.ingest.ruleStats(id),
      ended: (job, delivered) => this.ended(job, delivered),
    })
    const onSuperseded = (job: InFlightJob) => this.superseded(job)
    this.router = new Router({ clock: deps.clock, deliveries: this.deliveries, onSuperseded }, deps.ruleSet)
    const { stats, log, clock, source } = deps
    const pressure = (high: boolean) => (high ? source.pause() : source.resume())
    this.backPressure = new BackPressure({ stats, log, clock, pressure })
    this.ingest = new Ingest(new Matcher(deps.ruleSet, deps.compileRowDecoder), {
      lanes: options.lanes,
      stats: deps.stats,
      watermark: this.watermark,
      log: deps.log,
      route: (job) => this.router.route(job),
      backPressure: this.backPressure,
    })
    this.gapKeeper = new GapKeeper(options.gaps ?? NO_GAPS, {
      watermark: this.watermark,
      ingest: this.ingest,
      clock: deps.clock,
      stats: deps.stats,
      save: (signal) => this.saveStart(signal),
    })
    this.saver = new CheckpointSaver({
      store: deps.checkpoints,
      name: options.name,
      epoch: options.epoch,
      intervalMs: options.checkpointIntervalMs,
      position: () => this.watermark.position,
      finished: () => this.watermark.finished,
      onSaved: (finished) => (this.storedUpTo = finished),
      server: (position) => deps.source.fingerprint(position.file),
      gaps: () => this.gapKeeper.log,
      clock: deps.clock,
      log: deps.log,
      stats: deps.stats,
    })
  }

  get position(): SourcePosition | null {
    return this.watermark.position
  }

  get gaps(): GapLog {
    return this.gapKeeper.log
  }

  private replayWindow(): ReplayWindow {
    const { stats } = this.deps
    return {
      mark: () => this.watermark.newest,
      passed: (mark) => this.storedUpTo >= mark,
      get caughtUp() {
        return stats.caughtUp
      },
    }
  }

  reload(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.router.useRules(ruleSet)
    this.ingest.useRules(new Matcher(ruleSet, this.deps.compileRowDecoder))
    this.deps.source.forgetWanted()
    if (this.opened) this.deliveries.prepare(ruleSet)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { deps } = this
    if (!(await this.deliveries.open(signal))) return
    this.opened = true
    this.deliveries.prepare(this.ruleSet)
    const stop = new AbortController()
    const stopped = AbortSignal.any([signal, stop.signal])
    const saving = this.untilReplaced(this.saver.run(stopped))
    this.gapKeeper.resume()
    const reading = deps.source.run(this.ingest, stopped, {
      started: (position) => this.started(position, stopped),
      gap: (gap) => this.gapKeeper.pass(gap, stopped),
    })
    try {
      await Promise.race([reading, saving, ...(deps.replaced === undefined ? [] : [this.untilReplaced(deps.replaced)])])
    } finally {
      stop.abort()
      await Promise.allSettled([reading, saving])
      await this.shutDown()
    }
  }

  /** Another instance took over: whatever we would still send is its business now. */
  private async untilReplaced(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.giveUp.abort(error)
      throw error
    }
  }

  /**
   * A first start is remembered before anything is read: a crash right behind it would otherwise begin at another
   * `latest`, and lose what was committed in between (invariant 1).
   */
  private started(position: SourcePosition, signal: AbortSignal): void {
    // A start by GTID set alone has no file yet, and begins at the same place however often it is repeated.
    if (this.watermark.position !== null || position.file === '') return
    this.watermark.pass(position, 0)
    this.deps.source.pause()
    void this.saveStart(signal).then(() => this.deps.source.resume())
  }

  private async saveStart(signal: AbortSignal): Promise<void> {
    // A refusal (another instance took over) is reported by the saver's own run.
    while (!signal.aborted && !(await this.saver.saveIfMoved().catch(() => true))) {
      await this.deps.clock.sleep(this.options.checkpointIntervalMs, signal).catch(() => undefined)
    }
  }

  /** Lets everything that was read come to its end, within the deadline; what does not is replayed after a restart. */
  private async shutDown(): Promise<void> {
    const { deps, options } = this
    const deadline = deps.clock.monotonicMs() + options.shutdownDeadlineMs
    this.router.flushWindows()
    while (!this.deliveries.drained && !this.giveUp.signal.aborted && deps.clock.monotonicMs() < deadline) {
      await deps.clock.sleep(DRAIN_POLL_MS)
    }
    if (!this.deliveries.drained) {
      deps.log.warn(
        { code: 'BINGO_SHUTDOWN_DEADLINE', jobs: deps.stats.inFlightJobs, deadlineMs: options.shutdownDeadlineMs },
        'stopping before everything was delivered; it will be replayed after the next start',
      )
    }
    const fenced = this.giveUp.signal.aborted
    this.giveUp.abort()
    this.router.stop()
    this.backPressure.stop()
    if (!fenced) await this.saver.saveIfMoved().catch(() => false)
    await this.deliveries.close()
  }

  private ended(job: InFlightJob, delivered: boolean): void {
    if (delivered) this.ingest.ruleStats(job.action.rule.id).deliveredTotal += 1
    this.ingest.ended(job)
    this.deps.stats.watermarkCommitAt = this.watermark.commitAtMs
  }

  private superseded(job: InFlightJob): void {
    this.ingest.ruleStats(job.action.rule.id).coalescedTotal += 1
    this.ingest.ended(job)
  }
}
