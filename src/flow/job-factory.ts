import type { ActionPlan, Log, Payload } from '../model/rule/action.ts'
import type { Change } from '../model/event/change.ts'
import { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { Preparation } from '../model/delivery/preparation.ts'
import type { EvaluationFailure } from '../model/delivery/in-flight-job.ts'
import type { JobObserver } from '../model/delivery/job-observer.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { Stats } from '../model/stats.ts'
import type { MatchSink } from '../match/program/program.ts'
import type { BackPressure } from './back-pressure.ts'
import type { Ticket, Watermark } from './checkpoint/watermark.ts'
import type { CommitBuffer } from './commit-buffer.ts'
import { RowLanes } from './lanes/row-lanes.ts'
import type { RuleCounters } from './rule-counters.ts'

/** What a job itself costs in memory, beside its payload and its change. */
const JOB_BYTES = 256

export interface JobFactoryDeps<P> {
  readonly lanes: number
  readonly stats: Stats
  readonly rules: RuleCounters
  readonly watermark: Watermark<P>
  readonly buffer: CommitBuffer
  /** Every job is charged to the budget until it has ended (invariant 6). */
  readonly backPressure: BackPressure
  readonly log: Log
  /** Of the source, where it has one. */
  readonly observer?: JobObserver | undefined
}

/** Turns matches into jobs: gives each its lane, its hold on the transaction, and its place behind the job before it. */
export class JobFactory<P> implements MatchSink {
  /** The transaction's entry in the watermark; null while it has no job. */
  ticket: Ticket<P> | null = null
  private readonly deps: JobFactoryDeps<P>
  private readonly lanes: RowLanes
  private lastJob: InFlightJob | null = null
  /** The change of this transaction that matched last: a change that several rules match counts once. */
  private matchedSeq = -1
  private readonly keyless = new Set<string>()

  constructor(deps: JobFactoryDeps<P>) {
    this.deps = deps
    this.lanes = new RowLanes(deps.lanes)
  }

  ruleMatched(rule: Rule, change: Change): void {
    if (change.seq !== this.matchedSeq) {
      this.matchedSeq = change.seq
      this.deps.stats.matchedTotal += 1
    }
    this.deps.rules.of(rule.id).matchedTotal += 1
    this.deps.observer?.matched(rule, change)
    // Statements and gaps have no rows: their tables are given without columns.
    const keyless = change.table.key.length === 0 && rule.key === null
    if (keyless && change.table.columns.length > 0) this.warnKeyless(change)
  }

  matched(action: ActionPlan, change: Change, payload: Payload, heldBytes: number, key: 'present' | 'previous'): void {
    this.take(this.matchedJob(action, change, payload, heldBytes, key === 'previous'))
  }

  deferred(
    action: ActionPlan,
    change: Change,
    preparation: Preparation,
    heldBytes: number,
    key: 'present' | 'previous',
  ): void {
    const job = this.matchedJob(action, change, undefined, heldBytes, key === 'previous')
    job.waitFor(preparation)
    this.take(job)
  }

  private matchedJob(
    action: ActionPlan,
    change: Change,
    payload: Payload,
    heldBytes: number,
    previous: boolean,
  ): InFlightJob {
    this.lanes.locate(change, action.rule.key)
    const lane = previous && this.lanes.previousLane >= 0 ? this.lanes.previousLane : this.lanes.lane
    const payloadBytes = typeof payload === 'string' ? payload.length : heldBytes
    const job = this.job(action, change, payload, lane, JOB_BYTES + heldBytes + payloadBytes, null, previous)
    if (isStatement(change)) {
      this.orderWithAll(job)
    } else if (this.lanes.keyChanged && action.bindPreviousKey === undefined) {
      job.apart = true
      if (this.lanes.previousLane >= 0) this.holdPlace(job, this.lanes.previousLane)
    }
    return job
  }

  failed(
    action: ActionPlan,
    change: Change,
    { stage, error }: Parameters<MatchSink['failed']>[2],
    heldBytes: number,
  ): void {
    this.lanes.locate(change, action.rule.key)
    // A filter fails once for its rule, whatever the number of actions.
    if (stage !== 'filter' || action.index === 0) this.deps.rules.of(action.rule.id).errorsTotal += 1
    const failure = { stage, code: error.code, message: error.message }
    this.take(this.job(action, change, undefined, this.lanes.lane, JOB_BYTES + heldBytes, failure, false))
  }

  /** Undoes the jobs of rows with an ordinal of at least `seq` that are still kept back. */
  discard(seq: number): void {
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
    this.lanes.forget()
  }

  private job(
    action: ActionPlan,
    change: Change,
    payload: Payload,
    lane: number,
    bytes: number,
    failure: EvaluationFailure | null,
    previous: boolean,
  ): InFlightJob {
    this.ticket ??= this.deps.watermark.ticket()
    this.ticket.holds += 1
    const job = new InFlightJob(action, change, payload, lane, bytes, this.ticket, failure, previous)
    const before = this.lastJob
    // Actions of one rule for one change run in the order written. On one lane of one target they do so anyway.
    if (
      before !== null &&
      before.change.seq === change.seq &&
      before.change.transaction === change.transaction &&
      before.action.rule === action.rule &&
      before.action !== action &&
      (before.action.target.id !== action.target.id || before.lane !== lane)
    ) {
      job.follow(before)
    }
    this.lastJob = job
    return job
  }

  private take(job: InFlightJob): void {
    this.deps.backPressure.charge(job)
    this.deps.observer?.began(job)
    this.deps.buffer.add(job)
  }

  /** A TRUNCATE or DDL concerns every row of its table, and is ordered with all of them, on all lanes (invariant 2). */
  private orderWithAll(job: InFlightJob): void {
    job.apart = true
    for (let lane = 0; lane < this.deps.lanes; lane++) if (lane !== job.lane) this.holdPlace(job, lane)
  }

  /** A job that concerns rows of another lane is ordered there too. */
  private holdPlace(job: InFlightJob, lane: number): void {
    job.holdPlaceBy(new InFlightJob(job.action, job.change, undefined, lane, 0, NO_HOLD, null))
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

function isStatement({ op }: Change): boolean {
  return op === 'truncate' || op === 'ddl'
}

/** A placeholder's job has a hold of its own. */
const NO_HOLD = { release: () => undefined }
