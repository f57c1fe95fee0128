import type { BackPressure } from './back-pressure.ts'
import type { ActionPlan, Log, Payload } from '../model/action.ts'
import type { DdlStatement, RowsBlock, TransactionHandler } from '../model/binlog-stream.ts'
import { Change } from '../model/change.ts'
import type { Gap } from '../model/gap.ts'
import { gapChange } from '../model/gap-event.ts'
import type { Transaction } from '../model/change.ts'
import { InFlightJob } from '../model/in-flight-job.ts'
import type { EvaluationFailure } from '../model/in-flight-job.ts'
import type { SourcePosition } from '../model/position.ts'
import type { Rule } from '../model/rule.ts'
import type { RuleStats, Stats } from '../model/stats.ts'
import type { TableDef } from '../model/table.ts'
import type { Ticket, Watermark } from './checkpoint/watermark.ts'
import type { MatchSink } from '../match/program/program.ts'
import type { Matcher } from '../match/matcher.ts'
import { matchStatement } from '../match/statement.ts'
import { RowLanes } from './lanes/row-lanes.ts'

/** What a job itself costs in memory, beside its payload and its change. */
const JOB_BYTES = 256
/** A transaction is kept back until its commit was read, up to this size; a larger one is acted on as it comes in. */
const TRANSACTION_BUFFER_BYTES = 4 * 1024 * 1024

export interface IngestDeps {
  readonly lanes: number
  readonly stats: Stats
  readonly watermark: Watermark
  readonly log: Log
  readonly route: (job: InFlightJob) => void
  /** Every job is charged to the budget until it has ended (invariant 6). */
  readonly backPressure: BackPressure
}

/**
 * Turns transactions into jobs: matches rows, gives each job its lane and its hold on the transaction, and lets jobs go
 * when the transaction is known to be committed (invariant 3). Synchronous from bytes to lane.
 */
export class Ingest implements TransactionHandler, MatchSink {
  private readonly deps: IngestDeps
  private readonly bufferLimit: number
  private readonly lanes: RowLanes
  private matcher: Matcher
  private transaction: Transaction | null = null
  private ticket: Ticket | null = null
  private buffer: InFlightJob[] = []
  private bufferBytes = 0
  private lastSeq = -1
  /** Ordinal of the newest row let go before the transaction's end: it has outgrown the buffer, and jobs go at once. */
  private deliveredSeq = -1
  /** Rows up to this ordinal were handled before the connection broke in mid-transaction (invariant 5). */
  private skipUpTo = -1
  private lastJob: InFlightJob | null = null
  private readonly keyless = new Set<string>()
  /** Asked for once per job and once per match, mostly for the same rule. */
  private lastRuleId: string | null = null
  private lastRuleStats: RuleStats | null = null
  /** The change of this transaction that matched last: a change that several rules match counts once. */
  private matchedSeq = -1

  constructor(matcher: Matcher, deps: IngestDeps) {
    this.matcher = matcher
    this.deps = deps
    this.lanes = new RowLanes(deps.lanes)
    this.bufferLimit = Math.min(TRANSACTION_BUFFER_BYTES, deps.stats.budgetBytes / 8)
  }

  /** New rules apply from the next row on. */
  useRules(matcher: Matcher): void {
    this.matcher = matcher
  }

  wants(table: TableDef): boolean {
    return this.matcher.wants(table)
  }

  begin(transaction: Transaction): void {
    if (this.transaction !== null && this.transaction.id === transaction.id) {
      this.skipUpTo = this.lastSeq
      this.transaction = transaction
      return
    }
    if (this.transaction !== null) this.abandon()
    this.transaction = transaction
    this.lastSeq = -1
    this.skipUpTo = -1
    this.matchedSeq = -1
  }

  rows(block: RowsBlock): void {
    const program = this.matcher.program(block)
    if (program === null) return
    const rows = program.run(block, this.transaction!, this.skipUpTo, this)
    this.deps.stats.rowsTotal += rows
    this.lastSeq = Math.max(this.lastSeq, block.firstSeq + rows - 1)
    this.deps.backPressure.check()
  }

  ddl(statement: DdlStatement, firstSeq: number): void {
    const tables = statement.tables.length > 0 ? statement.tables : [{ schema: statement.schema, table: '' }]
    tables.forEach(({ schema, table }, i) => {
      const seq = firstSeq + i
      // The connection broke in mid-transaction, behind the statement (CREATE TABLE … SELECT).
      if (seq <= this.skipUpTo) return
      this.lastSeq = Math.max(this.lastSeq, seq)
      const rules = this.matcher.statementRules(statement.kind, schema, table)
      if (rules.length === 0) return
      const def: TableDef = { schema, name: table, columns: [], key: [], flavour: 'mysql' }
      const change = new Change(def, statement.kind, this.transaction!, seq, null, null, statement.sql)
      matchStatement(change, rules, statement.sql.length * 2, this)
    })
  }

  commit(end: SourcePosition): void {
    const { stats, watermark } = this.deps
    const commitAtMs = this.transaction === null ? 0 : this.transaction.timestampUs / 1000
    stats.transactionsTotal += 1
    stats.lastCommitAt = commitAtMs
    if (this.ticket === null) watermark.pass(end, commitAtMs)
    else watermark.seal(this.ticket, end, commitAtMs)
    this.letGo()
    this.close()
  }

  rollback(end: SourcePosition): void {
    this.discard(0)
    if (this.deliveredSeq >= 0) this.warnDelivered('ROLLBACK')
    if (this.ticket === null) this.deps.watermark.pass(end, 0)
    else this.deps.watermark.seal(this.ticket, end, 0)
    this.close()
  }

  /** ROLLBACK TO SAVEPOINT: rows from this ordinal on are undone. */
  rollbackTo(seq: number): void {
    this.discard(seq)
    if (this.deliveredSeq >= seq) this.warnDelivered('ROLLBACK TO SAVEPOINT')
  }

  /** A half transaction is over: what is left of it lies in a gap. */
  dropTransaction(): void {
    if (this.transaction !== null) this.abandon()
  }

  /** Tells the rules that listen to gaps. Counts as a transaction of its own that ends at `end`. */
  gap(gap: Gap, end: SourcePosition): void {
    const change = gapChange(gap)
    this.begin(change.transaction)
    matchStatement(change, this.matcher.gapRules(), gap.reason.length * 2, this)
    if (this.ticket === null) this.deps.watermark.pass(end, 0)
    else this.deps.watermark.seal(this.ticket, end, 0)
    this.letGo()
    this.close()
  }

  advance(end: SourcePosition): void {
    if (this.transaction === null) this.deps.watermark.pass(end, 0)
  }

  ruleMatched(rule: Rule, change: Change): void {
    if (change.seq !== this.matchedSeq) {
      this.matchedSeq = change.seq
      this.deps.stats.matchedTotal += 1
    }
    this.ruleStats(rule.id).matchedTotal += 1
    // Statements and gaps have no rows: their tables are given without columns.
    if (change.table.key.length === 0 && change.table.columns.length > 0) this.warnKeyless(change)
  }

  matched(action: ActionPlan, change: Change, payload: Payload, heldBytes: number, key: 'present' | 'former'): void {
    this.lanes.locate(change)
    const former = key === 'former'
    const lane = former && this.lanes.formerLane >= 0 ? this.lanes.formerLane : this.lanes.lane
    const payloadBytes = typeof payload === 'string' ? payload.length : heldBytes
    const job = this.job(action, change, payload, lane, JOB_BYTES + heldBytes + payloadBytes, null, former)
    if (this.lanes.formerLane >= 0 && action.bindFormerKey === undefined) this.addGate(job)
    this.take(job)
  }

  failed(
    action: ActionPlan,
    change: Change,
    { stage, error }: Parameters<MatchSink['failed']>[2],
    heldBytes: number,
  ): void {
    this.lanes.locate(change)
    // A filter fails once for its rule, whatever the number of actions.
    if (stage !== 'filter' || action.index === 0) this.ruleStats(action.rule.id).errorsTotal += 1
    const failure = { stage, code: error.code, message: error.message }
    this.take(this.job(action, change, undefined, this.lanes.lane, JOB_BYTES + heldBytes, failure, false))
  }

  /** To be called when a job has ended or was superseded. */
  ended(job: InFlightJob): void {
    this.deps.backPressure.release(job)
  }

  ruleStats(id: string): RuleStats {
    if (id === this.lastRuleId) return this.lastRuleStats!
    const { rules } = this.deps.stats
    let stats = rules.get(id)
    if (stats === undefined) {
      stats = {
        matchedTotal: 0,
        actionsTotal: 0,
        deliveredTotal: 0,
        coalescedTotal: 0,
        errorsTotal: 0,
        deadLettersTotal: 0,
      }
      rules.set(id, stats)
    }
    this.lastRuleId = id
    this.lastRuleStats = stats
    return stats
  }

  private job(
    action: ActionPlan,
    change: Change,
    payload: Payload,
    lane: number,
    bytes: number,
    failure: EvaluationFailure | null,
    former: boolean,
  ): InFlightJob {
    this.ticket ??= this.deps.watermark.ticket()
    this.ticket.holds += 1
    const job = new InFlightJob(action, change, payload, lane, bytes, this.ticket, failure, former)
    const before = this.lastJob
    // Actions of one rule for one change run in the order written. On one lane of one target they do so anyway.
    if (
      before !== null &&
      before.change === change &&
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
    if (this.deliveredSeq >= 0) {
      this.deliveredSeq = job.change.seq
      this.route(job)
      return
    }
    this.buffer.push(job)
    this.bufferBytes += job.bytes
    if (this.bufferBytes > this.bufferLimit) {
      this.deliveredSeq = job.change.seq
      this.letGo()
    }
  }

  private route(job: InFlightJob): void {
    this.ruleStats(job.action.rule.id).actionsTotal += 1
    this.deps.route(job)
  }

  private letGo(): void {
    const jobs = this.buffer
    if (jobs.length === 0) return
    this.buffer = []
    this.bufferBytes = 0
    for (const job of jobs) this.route(job)
  }

  /** Undoes buffered jobs of rows with an ordinal of at least `seq`. */
  private discard(seq: number): void {
    const kept: InFlightJob[] = []
    for (const job of this.buffer) {
      if (job.change.seq < seq) {
        kept.push(job)
        continue
      }
      this.bufferBytes -= job.bytes
      job.hold.release()
      this.ended(job)
    }
    this.buffer = kept
    this.lastJob = null
  }

  private warnDelivered(statement: string): void {
    const { gtid, file, offset } = this.transaction!
    this.deps.log.error(
      { code: 'BINGO_ROLLED_BACK_AFTER_DELIVERY', gtid, file, position: offset },
      `a transaction larger than the transaction buffer met ${statement} after parts of it were acted on`,
    )
  }

  /** A half transaction that will not be sent again under its id (another server took over, which lacks it). */
  private abandon(): void {
    this.discard(0)
    if (this.ticket !== null) this.deps.watermark.seal(this.ticket, null, 0)
    this.close()
  }

  private close(): void {
    this.transaction = null
    this.ticket = null
    this.lastJob = null
    this.lanes.forget()
    this.deliveredSeq = -1
  }

  /** A change of the primary key that is sent once is ordered on the former key's lane too (invariant 2). */
  private addGate(job: InFlightJob): void {
    const gate = new InFlightJob(job.action, job.change, undefined, this.lanes.formerLane, 0, NO_HOLD, null)
    job.standIn(gate)
  }

  private warnKeyless({ table }: Change): void {
    const name = `${table.schema}.${table.name}`
    if (this.keyless.has(name)) return
    this.keyless.add(name)
    this.deps.log.warn(
      { code: 'BINGO_NO_PRIMARY_KEY', schema: table.schema, table: table.name },
      'table has no primary key: its changes share one lane and are handled one after the other',
    )
  }
}

/** Gates stand in for a job that has its own hold. */
const NO_HOLD = { release: () => undefined }
