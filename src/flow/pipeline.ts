import type { Commands } from '../model/delivery/commands.ts'
import type { Deliveries, DropResult } from '../model/delivery/deliveries.ts'
import type { GapLog } from '../model/event/gap.ts'
import { type LookupReader, NO_LOOKUPS } from '../model/delivery/lookup-reader.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { StoredRecord } from '../model/delivery/waiting.ts'
import type { BingoError } from '../model/errors.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { SampledLog } from '../model/sampled-log.ts'
import type { ChangeKind } from '../model/source/source.ts'
import { Matcher } from '../match/matcher.ts'
import { WaitingLines } from '../waiting/lines.ts'
import { letterOf } from '../waiting/record.ts'
import { BackPressure } from './back-pressure.ts'
import { JobEnds } from './job-ends.ts'
import type { Pipeline, PipelineDeps, PipelineOptions } from './pipeline-contract.ts'
import { Reading } from './reading/reading.ts'
import { allOf, replayOf, replayWindow } from './reading/all-readings.ts'
import { Router } from './router.ts'
import { DdlNotes } from './reading/ddl-notes.ts'
import { drain } from './drain.ts'
import { RuleCounters } from './rule-counters.ts'
import { RuleGate } from './rule-gate.ts'
import { StoredJobs, storedLines } from './stored-jobs.ts'
import { TableChecks } from './reading/table-checks.ts'

/**
 * The stages in order, from the sources to the targets and back to the checkpoint:
 *
 *   Source ─▶ GroupIntake ─▶ Matcher ─▶ JobFactory ─▶ CommitBuffer ─▶ RuleGate ─▶ Router ─▶ Deliveries ─▶ Target
 *     ▲        groups of      rules,     lane, hold,   until the       breaker     delay,    per lane:     one adapter
 *     │        events         filters,   order of      commit is       of each     lookup,   batch, retry  per type
 *     │                       payloads   actions       read            rule        debounce      │
 *     │                                                                   └──▶ WaitingLines ◀────┤ spool
 *     │                                                                suspended, delayed, spooled
 *     ├─ pause/resume: BackPressure, a budget of bytes ◀──────── job ends ◀──────────────────────┼──▶ dead letters
 *     │                                                             │
 *     └─ finished ◀── CheckpointSaver ◀── Watermark ◀───────────────┘
 *
 * What waits for long does so in a store, not in memory (`WaitingLines`): a job that is written there has ended for the
 * checkpoint, and is made again of its record when its time has come (`StoredJobs`).
 *
 * Rows that follow one another on their way to a target that takes lines (a log) are one job from the JobFactory to the
 * target: a `RowRun`. Whoever has to tell its rows apart takes them out of it as jobs of their own.
 *
 * A `Reading` (reading.ts) is the part of it that each source has of its own: intake, watermark, checkpoint.
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

class StagedPipeline implements Pipeline {
  private readonly options: PipelineOptions
  private readonly deps: PipelineDeps
  private readonly rules: RuleCounters
  private readonly backPressure: BackPressure
  private readonly deliveries: Deliveries
  private readonly lookups: LookupReader
  private readonly lines: WaitingLines
  private readonly storedJobs: StoredJobs
  private readonly router: Router
  private readonly gate: RuleGate
  private readonly readings: ReadonlyMap<string, Reading<object>>
  private readonly ends: JobEnds
  private readonly repeats: SampledLog
  private ruleSet: RuleSet
  /** Jobs may be delivered: it is known which keys are parked. */
  private opened = false
  /** Cuts off what is in flight, when the deadline of a stop has passed. */
  private readonly giveUp = new AbortController()

  constructor(options: PipelineOptions, deps: PipelineDeps) {
    this.options = options
    this.deps = deps
    this.ruleSet = deps.ruleSet
    const { stats, log, clock } = deps
    this.rules = new RuleCounters(stats)
    this.repeats = new SampledLog(log, clock)
    this.backPressure = new BackPressure({
      budget: stats.budget,
      log,
      clock,
      sources: allOf(() => this.readings.values()),
      waiting: stats.waiting,
    })
    const run = { name: options.name, epoch: options.epoch, window: replayWindow(() => this.readings.values()) }
    const observers = deps.sources.flatMap(({ observer }) => observer ?? [])
    this.ends = new JobEnds(this.rules, this.backPressure, observers)
    this.lookups = deps.lookups ?? NO_LOOKUPS
    this.lines = new WaitingLines({
      store: deps.waiting,
      clock,
      log,
      state: stats.waiting,
      signal: this.giveUp.signal,
      replay: replayOf(() => this.readings.values()),
      stored: (job) => {
        this.deliveries.stored(job)
        this.ends.stored(job)
      },
    })
    this.storedJobs = new StoredJobs({
      lanes: options.lanes,
      ruleSet: deps.ruleSet,
      charge: (job) => this.backPressure.charge(job),
      orphaned: (record, why) => this.orphaned(record, why),
    })
    this.deliveries = deps.deliveries(run, {
      signal: this.giveUp.signal,
      ruleStats: (id) => this.rules.of(id),
      ended: (job, delivered) => this.ends.ended(job, delivered),
      unloaded: (job) => this.ends.unloaded(job),
      prepare: (job) => void this.prepare(job),
      hasRoom: () => stats.budget.hasRoom,
      lines: storedLines(this.lines, this.storedJobs),
    })
    const { lines, storedJobs, deliveries } = this
    const hasRoom = (): boolean => stats.budget.hasRoom
    this.router = new Router(
      {
        clock,
        deliveries,
        lines,
        storedJobs,
        hasRoom,
        readUpToMs: () => this.readUpToMs(),
        prepare: (job) => this.prepare(job),
        skipped: (job) => this.ends.skipped(job),
        superseded: (job) => this.ends.superseded(job),
      },
      deps.ruleSet,
    )
    const matcher = this.matcherOf(deps.ruleSet)
    const ddls = new DdlNotes()
    this.gate = new RuleGate(
      {
        clock,
        log,
        router: this.router,
        lines,
        storedJobs,
        ddls,
        events: options.breakerEvents,
        suspended: stats.waiting.suspendedRules,
        hasRoom,
        charge: (job) => this.backPressure.charge(job),
        unloaded: (job) => this.ends.unloaded(job),
      },
      deps.ruleSet,
    )
    const { gate: router, backPressure, rules } = this
    const beforeSave = (): Promise<void> => lines.removed()
    const holdsBack = (change: ChangeKind | null): boolean =>
      this.ruleSet.rules.some((rule) => (change === null || listens(rule, change)) && deliveries.isSpooling(rule))
    this.readings = new Map(
      deps.sources.map((entry) => [
        entry.source.name,
        new Reading(entry, matcher, {
          ...options,
          ruleSet: () => this.ruleSet,
          router,
          holdsBack,
          backPressure,
          rules,
          ddls,
          beforeSave,
          stats,
          log,
          repeats: this.repeats,
          clock,
        }),
      ]),
    )
  }

  position(source?: string): object | null {
    return this.reading(source)?.watermark.position ?? null
  }

  gaps(source?: string): GapLog {
    return this.reading(source)!.gaps
  }

  reload(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    this.storedJobs.useRules(ruleSet)
    this.router.useRules(ruleSet)
    this.lookups.useRules(ruleSet)
    this.gate.useRules(ruleSet)
    const matcher = this.matcherOf(ruleSet)
    for (const reading of this.readings.values()) reading.useRules(matcher, ruleSet)
    if (this.opened) this.deliveries.prepare(ruleSet)
  }

  private matcherOf(ruleSet: RuleSet): Matcher {
    const checks = new TableChecks(ruleSet, this.deps)
    const { compileRowDecoder, compileRowImages } = this.deps
    return new Matcher(ruleSet, compileRowDecoder, (table) => checks.check(table), compileRowImages)
  }

  get commands(): Commands {
    return this.deliveries
  }

  dropTarget(target: string): DropResult {
    const dropped = this.deliveries.drop(target)
    return dropped === 'unknown' ? this.lookups.drop(target) : dropped
  }

  setTargetPaused(target: string, sinceMs: number): boolean {
    return this.deliveries.setPaused(target, sinceMs)
  }

  resumeRule(rule: string): boolean {
    return this.gate.resume(rule)
  }

  async run(signal: AbortSignal): Promise<void> {
    const { replaced } = this.deps
    const isReplaced = new AbortController()
    replaced?.catch(() => isReplaced.abort())
    const opening = AbortSignal.any([signal, isReplaced.signal])
    if (!(await this.deliveries.open(opening)) || !(await this.openLines(opening))) {
      return isReplaced.signal.aborted ? replaced : undefined
    }
    this.opened = true
    this.deliveries.prepare(this.ruleSet)
    this.router.open()
    this.gate.open()
    const stop = new AbortController()
    const stopped = AbortSignal.any([signal, stop.signal])
    const readings = [...this.readings.values()]
    const saving = readings.map((reading) => this.untilReplaced(reading.save(stopped)))
    const reading = readings.map((each) => each.read(stopped))
    try {
      await Promise.race([
        Promise.all(reading),
        ...saving,
        ...(replaced === undefined ? [] : [this.untilReplaced(replaced)]),
      ])
    } finally {
      stop.abort()
      await Promise.allSettled([...reading, ...saving])
      await this.shutDown()
    }
  }

  /** Learns what waits in the store. False when aborted meanwhile. */
  private async openLines(signal: AbortSignal): Promise<boolean> {
    try {
      await this.lines.open(signal)
      return true
    } catch (error) {
      if (signal.aborted) return false
      throw error
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

  /** Lets everything that was read end, within the deadline; what does not is replayed after a restart. */
  private async shutDown(): Promise<void> {
    const { deps, options } = this
    this.repeats.flush()
    this.gate.stop()
    this.router.stopDelays()
    this.deliveries.stopLoading()
    this.router.flushWindows()
    void this.lines.flush().catch(() => undefined)
    const { router, deliveries, lines, lookups } = this
    const parts = { router, deliveries, lines, lookups, waiting: deps.stats.waiting, clock: deps.clock }
    const drained = await drain(parts, options.shutdownDeadlineMs, this.giveUp.signal)
    if (!drained) {
      deps.log.warn(
        { code: 'BINGO_SHUTDOWN_DEADLINE', jobs: deps.stats.budget.jobs, deadlineMs: options.shutdownDeadlineMs },
        'stopping with undelivered changes; they are replayed after the next start',
      )
    }
    const fenced = this.giveUp.signal.aborted
    this.giveUp.abort()
    this.backPressure.stop()
    try {
      if (!fenced) await Promise.all([...this.readings.values()].map((reading) => reading.saveLast()))
    } finally {
      await this.deliveries.close()
      await this.lookups.close()
    }
  }

  /** While reading pauses, nobody knows what was committed meanwhile. */
  private readUpToMs(): number {
    const { paused } = this.deps.stats.budget
    return Math.min(...[...this.readings.values()].map(({ progress }) => progress.readUpToMs(paused)))
  }

  private async prepare(job: InFlightJob): Promise<void> {
    const prepared = await this.lookups.prepare(job.preparation!, job.bytes)
    if (prepared.tag === 'failed') this.rules.of(job.action.rule.id).errorsTotal += 1
    job.prepared(prepared)
  }

  private orphaned(record: StoredRecord, { code, message }: BingoError): Promise<void> {
    const at = this.deps.clock.now()
    const letter = letterOf(record, at)
    return this.deliveries.giveUp([{ ...letter, attempts: [...letter.attempts, { at, code, message }] }])
  }

  private reading(source: string | undefined): Reading<object> | undefined {
    return source === undefined ? this.readings.values().next().value : this.readings.get(source)
  }
}

function listens(rule: Rule, { op, table }: ChangeKind): boolean {
  return rule.listensTo(op, table.schema, table.name)
}
