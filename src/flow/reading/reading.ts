import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import { NO_GAPS, type GapLog } from '../../model/event/gap.ts'
import type { JobObserver } from '../../model/delivery/job-observer.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { ChangeKind, Source } from '../../model/source/source.ts'
import type { CounterStore } from '../../model/state/counters.ts'
import { patiently } from '../../state/checkpoint/patiently.ts'
import type { SampledLines } from '../../model/sampled-log.ts'
import type { Stats } from '../../model/stats.ts'
import type { Matcher } from '../../match/matcher.ts'
import type { BackPressure } from '../back-pressure.ts'
import type { PositionStore } from '../checkpoint/position-store.ts'
import { CheckpointSaver } from '../checkpoint/saver.ts'
import { Watermark } from '../checkpoint/watermark.ts'
import { CommitBuffer, type JobRoute } from './commit-buffer.ts'
import type { DdlNotes } from './ddl-notes.ts'
import { GapKeeper } from './gap-keeper.ts'
import { GroupIntake } from './intake.ts'
import { CountedPositions } from '../thresholds/counted-positions.ts'
import { Thresholds } from '../thresholds/thresholds.ts'
import type { OutboxRows } from './outbox-rows.ts'
import { ReadProgress } from './read-progress.ts'
import type { RuleCounters } from '../rule-counters.ts'

/** One source of a pipeline, with the place where its position is kept and what was found there. */
export interface SourceEntry<P extends object> {
  readonly source: Source<P>
  readonly positions: PositionStore
  /** Null for a first start. */
  readonly start: P | null
  readonly gaps?: GapLog | undefined
  /** Is told what becomes of its events. */
  readonly observer?: JobObserver | undefined
  /** What becomes of the rows of its outboxes; absent where it has none. */
  readonly outboxRows?: OutboxRows | undefined
  /** Counters that go with the positions. Absent: they begin anew with each run. */
  readonly counters?: KeptCounters | undefined
}

/** Where counters are kept. */
export interface KeptCounters {
  readonly store: CounterStore
  /** The stored position, as it stands there; null for a first start. */
  readonly at: string | null
}

/** Forgets the type of the positions: every entry's are those of its own source, and nobody else looks at them. */
export function sourceEntry<P extends object>(entry: SourceEntry<P>): SourceEntry<object> {
  return entry
}

export interface ReadingDeps {
  readonly lanes: number
  readonly checkpointIntervalMs: number
  readonly epoch: number
  /** As they are now. */
  readonly ruleSet: () => RuleSet
  readonly router: JobRoute
  /** See `Source.spools`. */
  readonly holdsBack: (change: ChangeKind | null) => boolean
  readonly backPressure: BackPressure
  readonly rules: RuleCounters
  readonly ddls: DdlNotes
  /** Resolves when what has ended has left the store of waiting events. */
  readonly beforeSave: () => Promise<void>
  readonly log: Log
  readonly repeats: SampledLines
  readonly stats: Stats
  readonly clock: Clock
}

/** Reads one source: its events become jobs, and its checkpoint follows the jobs that have ended. */
export class Reading<P extends object> {
  readonly watermark: Watermark<P>
  readonly progress: ReadProgress
  private readonly deps: ReadingDeps
  private readonly source: Source<P>
  private readonly intake: GroupIntake<P>
  private readonly gapKeeper: GapKeeper<P>
  private readonly saver: CheckpointSaver<P>
  private readonly thresholds: Thresholds
  private readonly counters: KeptCounters | null
  private signal: AbortSignal = AbortSignal.abort()

  constructor(entry: SourceEntry<P>, matcher: Matcher, deps: ReadingDeps) {
    const { lanes, router, backPressure, rules, ddls, stats, log, repeats, clock } = deps
    this.deps = deps
    this.source = entry.source
    this.watermark = new Watermark(entry.start)
    const { watermark, source } = this
    this.thresholds = new Thresholds(watermark, log)
    this.counters = entry.counters ?? null
    const { state } = source
    state.work = watermark
    this.progress = new ReadProgress(state, clock)
    this.intake = new GroupIntake<P>(matcher, {
      lanes,
      stats,
      state,
      rules,
      ddls,
      watermark,
      buffer: new CommitBuffer(stats.budget.limitBytes, rules, router),
      backPressure,
      log,
      repeats,
      observer: entry.observer,
      thresholds: this.thresholds,
      outboxRows: entry.outboxRows,
      started: (position) => this.started(position),
      gap: (gap, to) => this.gapKeeper.pass(gap, to, this.signal),
    })
    this.gapKeeper = new GapKeeper(entry.gaps ?? NO_GAPS, {
      watermark,
      intake: this.intake,
      clock,
      stats,
      state,
      save: (signal) => this.saveNow(signal),
    })
    this.saver = new CheckpointSaver({
      store:
        this.counters === null
          ? entry.positions
          : new CountedPositions(entry.positions, this.counters.store, this.thresholds),
      epoch: deps.epoch,
      intervalMs: deps.checkpointIntervalMs,
      watermark,
      positions: source.positions,
      gaps: this.gapKeeper,
      beforeSave: async (finished) => {
        await deps.beforeSave()
        await entry.outboxRows?.finished(finished)
      },
      onSaved: (position) => source.finished?.(position),
      clock,
      log,
      stats,
      state,
    })
    // A refusal is reported by the saver's own run.
    source.saves?.(() => this.saver.saveIfMoved().catch(() => false))
    source.spools?.(deps.holdsBack)
  }

  get gaps(): GapLog {
    return this.gapKeeper.log
  }

  /** Number of the newest transaction with jobs that no restart brings again. */
  get storedUpTo(): number {
    return this.saver.storedUpTo
  }

  get caughtUp(): boolean {
    return this.source.state.caughtUp
  }

  useRules(matcher: Matcher, ruleSet: RuleSet): void {
    this.intake.useRules(matcher)
    this.thresholds.useRules(ruleSet)
    this.source.rulesChanged()
  }

  pause(reason: object): void {
    this.source.pause(reason)
  }

  resume(reason: object): void {
    this.source.resume(reason)
  }

  /** Resolves when the source has ended; rejects with what ended it. */
  read(signal: AbortSignal): Promise<void> {
    this.signal = signal
    this.progress.began()
    this.gapKeeper.resume()
    const run = async (): Promise<void> => {
      await this.source.run(this.intake, this.watermark.position, signal)
      if (!signal.aborted) this.progress.ended()
    }
    const ruleSet = this.deps.ruleSet()
    const counts = ruleSet.rules.some(({ threshold }) => threshold !== null && threshold !== undefined)
    const { counters } = this
    if (counters === null || counters.at === null || !counts) return run()
    return this.restore(counters.store, counters.at, ruleSet, signal).then(run)
  }

  private async restore(store: CounterStore, at: string, ruleSet: RuleSet, signal: AbortSignal): Promise<void> {
    const found = await patiently(store, this.deps, signal, () => store.load(at))
    if (found !== null && found !== 'stopped') this.thresholds.restore(found, ruleSet)
  }

  /** Saves the position as it moves, until aborted; rejects when another instance has taken over. */
  save(signal: AbortSignal): Promise<void> {
    return this.saver.run(signal)
  }

  /** What is stored is what is finished, if the store can be reached. */
  async saveLast(): Promise<void> {
    await this.saver.saveIfMoved().catch(() => false)
  }

  /**
   * A first start is remembered before anything is read: a crash right behind it would otherwise begin at another
   * `latest`, and lose what was committed in between (invariant 1).
   */
  private started(position: P): void {
    if (this.watermark.position !== null) return
    this.watermark.pass(position, 0)
    this.source.pause(this.saver)
    void this.saveNow(this.signal).then(() => this.source.resume(this.saver))
  }

  private async saveNow(signal: AbortSignal): Promise<void> {
    // A refusal (another instance took over) is reported by the saver's own run.
    while (!signal.aborted && !(await this.saver.saveIfMoved().catch(() => true))) {
      await this.deps.clock.sleep(this.deps.checkpointIntervalMs, signal).catch(() => undefined)
    }
  }
}
