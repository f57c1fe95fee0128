import type { DdlStatement, RowsBlock } from '../../model/source/binlog-stream.ts'
import { Change } from '../../model/event/change.ts'
import type { Transaction } from '../../model/event/change.ts'
import type { EventEnvelope } from '../../model/event/posted/event-record.ts'
import type { Gap } from '../../model/event/gap.ts'
import { gapChange } from '../../model/event/gap-event.ts'
import { PostedEvent } from '../../model/event/posted/posted-event.ts'
import { SizedChange } from '../../model/event/sized-change.ts'
import type { OutboxOptions } from '../../model/rule/outbox-rule.ts'
import type { RowIntake } from '../../model/source/intake.ts'
import type { SourceState } from '../../model/source/source-state.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { Matcher } from '../../match/matcher.ts'
import type { TableProgram } from '../../match/program/program.ts'
import { ChangeProgram } from '../../match/change-program.ts'
import type { DdlNotes } from './ddl-notes.ts'
import { JobFactory } from '../job-factory.ts'
import type { JobFactoryDeps } from '../job-factory.ts'
import type { OutboxRows } from './outbox-rows.ts'
import { OutboxNotes } from './outbox-notes.ts'

/** Rough size of what an event that did not come as a row image keeps in memory. */
const EVENT_BYTES = 1_024

export interface GroupIntakeDeps<P> extends Omit<JobFactoryDeps<P>, 'outbox'> {
  readonly state: SourceState
  readonly ddls: DdlNotes
  /** Where reading begins, and gaps: what the owner of the checkpoint has to do about them. */
  readonly started: (position: P) => void
  readonly gap: (gap: Gap, to: P) => Promise<void>
  /** Absent where the source has no outboxes. */
  readonly outboxRows?: OutboxRows | undefined
}

/**
 * What one source puts its groups into: matches their events, keeps the jobs until the group is known to be committed
 * (invariant 3), and tells the watermark where each group ends (invariant 4). Synchronous from bytes to lane.
 */
export class GroupIntake<P> implements RowIntake<P> {
  private readonly deps: GroupIntakeDeps<P>
  private readonly jobs: JobFactory<P>
  private matcher: Matcher
  private readonly outboxes: OutboxNotes
  private group: Transaction | null = null
  private lastSeq = -1
  /** Events up to this ordinal were handled before the connection broke in the middle of the group (invariant 5). */
  private skipUpTo = -1

  constructor(matcher: Matcher, deps: GroupIntakeDeps<P>) {
    this.matcher = matcher
    this.deps = deps
    this.outboxes = new OutboxNotes(deps.log)
    this.jobs = new JobFactory({ ...deps, outbox: (...row) => this.outbox(...row) })
  }

  /** New rules apply from the next event on. */
  useRules(matcher: Matcher): void {
    this.matcher = matcher
  }

  started(position: P): void {
    this.deps.started(position)
  }

  wants(table: TableDef): boolean {
    return this.matcher.wants(table)
  }

  begin(group: Transaction): void {
    if (this.group !== null && this.group.id === group.id) {
      this.skipUpTo = this.lastSeq
      this.group = group
      return
    }
    if (this.group !== null) this.abandon()
    this.group = group
    this.lastSeq = -1
    this.skipUpTo = -1
  }

  rows(block: RowsBlock): void {
    const program = this.matcher.program(block)
    if (program === null) {
      if (block.op === 'update') this.outboxes.updated(block.table, this.matcher)
      return
    }
    const rows = this.match(program, block)
    this.deps.stats.rowsTotal += rows
    this.lastSeq = Math.max(this.lastSeq, block.firstSeq + rows - 1)
    this.deps.backPressure.check()
  }

  private match(program: TableProgram, block: RowsBlock): number {
    try {
      return program.run(block, this.group!, this.skipUpTo, this.jobs)
    } finally {
      this.jobs.blockEnds()
    }
  }

  event(event: Change): void {
    if (event.seq <= this.skipUpTo) return
    this.deps.stats.rowsTotal += 1
    this.lastSeq = event.seq
    if (event instanceof PostedEvent) this.matcher.eventProgram(event)?.run(event, event.heldBytes, this.jobs)
    else this.matcher.changeProgram(event)?.run(event, sizeOf(event), this.jobs)
    this.deps.backPressure.check()
  }

  /** An event of the row's transaction, at its place and with its ordinal: whatever undoes the row undoes the event. */
  private outbox(event: EventEnvelope, row: Change, heldBytes: number, options: OutboxOptions): void {
    const posted = new PostedEvent(event, row.transaction, row.seq, heldBytes)
    this.deps.outboxRows?.read(row, posted, options)
    this.matcher.eventProgram(posted)?.run(posted, heldBytes, this.jobs)
  }

  ddl(statement: DdlStatement, firstSeq: number): void {
    const tables = statement.tables.length > 0 ? statement.tables : [{ schema: statement.schema, table: '' }]
    tables.forEach(({ schema, table }, i) => {
      const seq = firstSeq + i
      this.deps.ddls.note(schema, table, statement.sql)
      // The connection broke in mid-transaction, behind the statement (CREATE TABLE … SELECT).
      if (seq <= this.skipUpTo) return
      this.lastSeq = Math.max(this.lastSeq, seq)
      const rules = this.matcher.statementRules(statement.kind, schema, table)
      if (rules.length === 0) return
      const def: TableDef = { schema, name: table, columns: [], key: [], flavour: 'mysql' }
      const change = new Change(def, statement.kind, this.group!, seq, null, null, statement.sql)
      new ChangeProgram(def, rules).run(change, statement.sql.length * 2, this.jobs)
    })
  }

  commit(end: P): void {
    const { stats, state, buffer } = this.deps
    const commitAtMs = this.group === null ? 0 : this.group.timestampUs / 1000
    stats.transactionsTotal += 1
    state.groups += 1
    state.lastCommitAt = commitAtMs
    this.seal(end, commitAtMs)
    this.deps.outboxRows?.committed(this.deps.watermark.newest)
    buffer.letGo()
    this.close()
  }

  rollback(end: P): void {
    this.discard(0)
    if (this.deps.buffer.deliveredSeq >= 0) this.warnDelivered('ROLLBACK')
    this.seal(end, 0)
    this.close()
  }

  rollbackTo(seq: number): void {
    this.discard(seq)
    if (this.deps.buffer.deliveredSeq >= seq) this.warnDelivered('ROLLBACK TO SAVEPOINT')
  }

  advance(end: P): void {
    if (this.group === null) this.deps.watermark.pass(end, 0)
  }

  gap(gap: Gap, to: P): Promise<void> {
    return this.deps.gap(gap, to)
  }

  /** A half group is over: what is left of it lies in a gap. */
  dropGroup(): void {
    if (this.group !== null) this.abandon()
  }

  /** Tells the rules that listen to gaps. Counts as a group of its own that ends at `end`. */
  announceGap(gap: Gap, end: P): void {
    const change = gapChange(gap)
    this.begin(change.transaction)
    new ChangeProgram(change.table, this.matcher.gapRules()).run(change, gap.reason.length * 2, this.jobs)
    this.seal(end, 0)
    this.deps.buffer.letGo()
    this.close()
  }

  private seal(end: P, commitAtMs: number): void {
    const { watermark } = this.deps
    this.jobs.complete()
    if (this.jobs.ticket === null) watermark.pass(end, commitAtMs)
    else watermark.seal(this.jobs.ticket, end, commitAtMs)
    this.deps.thresholds?.committed()
  }

  private warnDelivered(statement: string): void {
    const { gtid, file, offset } = this.group!
    this.deps.log.error(
      { code: 'BINGO_ROLLED_BACK_AFTER_DELIVERY', gtid, file, position: offset },
      `rolled back after delivery: a transaction larger than the transaction buffer ran ${statement} after some of its changes were delivered`,
    )
  }

  /** A half group that will not be sent again under its id (another server took over, which lacks it). */
  private abandon(): void {
    this.discard(0)
    if (this.jobs.ticket !== null) this.deps.watermark.abandon(this.jobs.ticket)
    this.close()
  }

  private discard(seq: number): void {
    this.jobs.discard(seq)
    this.deps.outboxRows?.discard(seq)
  }

  private close(): void {
    this.group = null
    this.jobs.reset()
    this.deps.buffer.reset()
  }
}

function sizeOf(change: Change): number {
  return change instanceof SizedChange ? change.heldBytes : EVENT_BYTES
}
