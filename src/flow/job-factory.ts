import type { Log } from '../model/rule/action.ts'
import type { ByteArena } from '../model/event/bytes/byte-arena.ts'
import type { Change } from '../model/event/change.ts'
import type { EventEnvelope } from '../model/event/posted/event-record.ts'
import { isPosted } from '../model/event/posted/posted-event.ts'
import type { InFlightJob, Revision } from '../model/delivery/in-flight-job.ts'
import type { ChangeOfImage } from '../model/delivery/row-run.ts'
import type { JobObserver } from '../model/delivery/job-observer.ts'
import type { Preparation } from '../model/delivery/preparation.ts'
import type { EvaluationError } from '../model/errors.ts'
import { OUTBOX_ACTION, type OutboxOptions } from '../model/rule/outbox-rule.ts'
import type { ActionPlan, Payload, Rule } from '../model/rule/rule.ts'
import type { Threshold } from '../model/rule/threshold.ts'
import type { SampledLines } from '../model/sampled-log.ts'
import type { Stats } from '../model/stats.ts'
import type { MatchSink, RowGatherer } from '../match/program/match-sink.ts'
import type { BackPressure } from './back-pressure.ts'
import type { Ticket, Watermark } from './checkpoint/watermark.ts'
import type { CommitBuffer } from './reading/commit-buffer.ts'
import { followInOrder, LaneJobs } from './lanes/lane-jobs.ts'
import { isGathered, RowRuns } from './lanes/row-runs.ts'
import type { Thresholds } from './thresholds/thresholds.ts'
import type { RuleCounters } from './rule-counters.ts'

export interface JobFactoryDeps<P> {
  readonly lanes: number
  readonly stats: Stats
  readonly rules: RuleCounters
  readonly watermark: Watermark<P>
  readonly buffer: CommitBuffer
  /** Every job is charged to the budget until it has ended (invariant 6). */
  readonly backPressure: BackPressure
  readonly log: Log
  /** For what may happen to very many events. */
  readonly repeats: SampledLines
  /** Of the source, where it has one. */
  readonly observer?: JobObserver | undefined
  /** A row of an outbox made this event, which is matched instead. */
  readonly outbox: (event: EventEnvelope, row: Change, heldBytes: number, options: OutboxOptions) => void
  /** Absent where no rule counts. */
  readonly thresholds?: Thresholds | undefined
}

/** Turns matches into jobs: gives each its lane, its hold on the transaction, and its place behind the job before it. */
export class JobFactory<P> implements MatchSink {
  /** The transaction's entry in the watermark; null while it has no job. */
  ticket: Ticket<P> | null = null
  private readonly deps: JobFactoryDeps<P>
  private readonly laneJobs: LaneJobs
  private readonly runs: RowRuns
  private lastJob: InFlightJob | null = null
  /** The change of this transaction that matched last: a change that several rules match counts once. */
  private matchedSeq = -1
  private readonly keyless = new Set<string>()

  constructor(deps: JobFactoryDeps<P>) {
    this.deps = deps
    this.laneJobs = new LaneJobs(deps.lanes)
    this.runs = new RowRuns({ newHold: () => this.newHold(), take: (run) => this.keep(run) })
  }

  ruleMatched(rule: Rule, change: Change): void {
    if (change.seq !== this.matchedSeq) {
      this.matchedSeq = change.seq
      this.deps.stats.matchedTotal += 1
    }
    this.deps.rules.of(rule.id).matchedTotal += 1
    this.deps.observer?.matched(rule, change)
    // Statements and gaps have no rows: their tables are given without columns.
    // A posted event without a key has no order, and needs none.
    const keyless = change.table.key.length === 0 && rule.key === null && !isPosted(change.table)
    if (keyless && change.table.columns.length > 0) this.warnKeyless(change)
  }

  exceeded(rule: Rule, threshold: Threshold, change: Change): Change | null {
    return this.deps.thresholds?.count(rule, threshold, change) ?? null
  }

  arena(action: ActionPlan, change: Change): ByteArena | undefined {
    return this.laneJobs.arena(action, change)
  }

  gatherer(action: ActionPlan, changeOf: ChangeOfImage): RowGatherer | undefined {
    // An observer sees each event.
    if (this.deps.observer !== undefined || !isGathered(action)) return undefined
    return this.runs.gatherer(action, changeOf)
  }

  /** The source writes over the images of its rows. */
  blockEnds(): void {
    this.runs.keepImages()
  }

  /** All rows that were matched become jobs now, if they are none yet. */
  complete(): void {
    this.runs.complete()
  }

  cancelled(rule: Rule, change: Change, error: EvaluationError | null): void {
    if (error !== null) {
      this.cancelFailed(rule, change, error)
      return
    }
    this.revise(rule, 'cancel', change, 0)
  }

  newer(rule: Rule, change: Change, heldBytes: number): void {
    this.revise(rule, 'newest', change, heldBytes)
  }

  matched(action: ActionPlan, change: Change, payload: Payload, heldBytes: number, key: 'present' | 'previous'): void {
    if (action.type === OUTBOX_ACTION) {
      this.deps.outbox(payload as EventEnvelope, change, heldBytes, action.options as OutboxOptions)
      return
    }
    this.take(this.laneJobs.matched(action, change, payload, key, heldBytes, this.newHold()))
  }

  deferred(
    action: ActionPlan,
    change: Change,
    preparation: Preparation,
    heldBytes: number,
    key: 'present' | 'previous',
  ): void {
    const job = this.laneJobs.matched(action, change, undefined, key, heldBytes, this.newHold())
    job.waitFor(preparation)
    this.take(job)
  }

  failed(
    action: ActionPlan,
    change: Change,
    { stage, error }: Parameters<MatchSink['failed']>[2],
    heldBytes: number,
  ): void {
    // A filter fails once for its rule, whatever the number of actions.
    if (stage !== 'filter' || action.index === 0) this.deps.rules.of(action.rule.id).errorsTotal += 1
    const failure = { stage, code: error.code, message: error.message }
    this.take(this.laneJobs.failed(action, change, failure, heldBytes, this.newHold()))
  }

  /** Undoes the jobs of rows with an ordinal of at least `seq` that are still kept back. */
  discard(seq: number): void {
    this.complete()
    this.deps.thresholds?.discard(seq)
    for (const job of this.deps.buffer.takeFrom(seq)) {
      job.hold.release()
      this.deps.backPressure.release(job)
    }
    this.lastJob = null
  }

  /** The transaction is over: nothing of it is kept alive. */
  reset(): void {
    this.ticket = null
    this.lastJob = null
    this.matchedSeq = -1
    this.laneJobs.forget()
  }

  private revise(rule: Rule, revision: Revision, change: Change, heldBytes: number): void {
    for (const job of this.laneJobs.revises(rule, revision, change, heldBytes, () => this.newHold())) {
      this.keep(job)
    }
  }

  private newHold(): Ticket<P> {
    this.ticket ??= this.deps.watermark.ticket()
    this.ticket.holds += 1
    return this.ticket
  }

  private take(job: InFlightJob): void {
    followInOrder(job, this.lastJob)
    this.lastJob = job
    job.change.taken()
    this.runs.completeFor(job.action.target)
    this.deps.observer?.began(job)
    this.keep(job)
  }

  private keep(job: InFlightJob): void {
    this.deps.backPressure.charge(job)
    this.deps.buffer.add(job)
  }

  /** Nothing is cancelled. */
  private cancelFailed(rule: Rule, change: Change, { code, message }: EvaluationError): void {
    this.deps.rules.of(rule.id).errorsTotal += 1
    this.deps.repeats.write(
      'warn',
      {
        code,
        rule: rule.id,
        schema: change.table.schema,
        table: change.table.name,
        event: change.id,
        err: message,
      },
      'cancelOn cannot be evaluated: what waits for this key is not cancelled',
    )
  }

  private warnKeyless({ table }: Change): void {
    const name = `${table.schema}.${table.name}`
    if (this.keyless.has(name)) return
    this.keyless.add(name)
    this.deps.log.warn(
      { code: 'BINGO_NO_PRIMARY_KEY', schema: table.schema, table: table.name },
      'table has no primary key: its changes share one lane and are delivered one at a time',
    )
  }
}
