import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { JobEnd, JobObserver } from '../../model/delivery/job-observer.ts'
import type { Change } from '../../model/event/change.ts'
import type { Row } from '../../model/event/row.ts'
import { outboxCounters, type OutboxCounters } from '../../model/event/posted/outbox-counters.ts'
import { keyOf } from '../../model/event/row-key.ts'
import type { OutboxOptions } from '../../model/rule/outbox-rule.ts'
import type { TableDef } from '../../model/table/table.ts'

/** A row whose event has ended. */
export interface EndedRow {
  readonly table: TableDef
  /** Its primary key. */
  readonly key: Row
  readonly after: 'delete' | 'mark'
  readonly counters: OutboxCounters
  /** Null: all actions were delivered, or there were none. */
  readonly failure: RowFailure | null
}

export interface RowFailure {
  readonly error: string
  readonly retries: number
}

/** Does with rows in the database what their outbox says. */
export interface EndedRows {
  /** In the order of their commits. Rejects where it can be tried again. */
  write(rows: readonly EndedRow[]): Promise<void>
}

/** What is remembered of a row: not its event, which many that wait would keep in memory. */
interface ReadRow {
  readonly seq: number
  readonly counters: OutboxCounters
  /** Null: nothing is done with it. */
  readonly ended: { -readonly [K in keyof EndedRow]: EndedRow[K] } | null
}

/** Rows of one group; they have ended when the transaction with this number has. */
interface Group {
  readonly number: number
  readonly rows: readonly ReadRow[]
}

/**
 * Remembers rows of outboxes until the watermark has passed them. They are written before the checkpoint passes them: after
 * a crash they are read again and written again, and none is left as it was.
 */
export class OutboxRows implements JobObserver {
  private readonly writer: EndedRows
  private readonly counters: Map<string, OutboxCounters>
  /** Of the group that is being read. */
  private reading: ReadRow[] = []
  private committedGroups: Group[] = []
  private writing: Promise<void> = Promise.resolve()
  /** By the events, as long as something is done with them. */
  private readonly byEvent = new WeakMap<Change, { failure: RowFailure | null }>()

  constructor(writer: EndedRows, counters: Map<string, OutboxCounters>) {
    this.writer = writer
    this.counters = counters
  }

  read(row: Change, event: Change, { table, after }: OutboxOptions): void {
    const counters = outboxCounters(this.counters, table)
    counters.eventsTotal += 1
    counters.unfinished += 1
    const key = after === 'delete' || after === 'mark' ? keyOf(row.table, null, row.new) : null
    if (key === null || (after !== 'delete' && after !== 'mark')) {
      this.reading.push({ seq: row.seq, counters, ended: null })
      return
    }
    const ended = { table: row.table, key, after, counters, failure: null }
    this.byEvent.set(event, ended)
    this.reading.push({ seq: row.seq, counters, ended })
  }

  /** What the group has done from this ordinal on was rolled back. */
  discard(seq: number): void {
    const discarded = this.reading.filter((row) => row.seq >= seq)
    for (const { counters } of discarded) counters.unfinished -= 1
    this.reading = this.reading.filter((row) => row.seq < seq)
  }

  /** `number`: of the newest transaction with jobs. */
  committed(number: number): void {
    if (this.reading.length === 0) return
    this.committedGroups.push({ number, rows: this.reading })
    this.reading = []
  }

  /** Everything up to this transaction has ended. Rejects where rows could not be written now. */
  finished(number: number): Promise<void> {
    const written = this.writing.then(() => this.write(number))
    this.writing = written.catch(() => undefined)
    return written
  }

  private async write(number: number): Promise<void> {
    let count = 0
    while (count < this.committedGroups.length && this.committedGroups[count]!.number <= number) count += 1
    if (count === 0) return
    const rows = this.committedGroups.slice(0, count).flatMap((group) => group.rows)
    const ended = rows.flatMap((row) => row.ended ?? [])
    if (ended.length > 0) await this.writer.write(ended)
    for (const { counters } of rows) counters.unfinished -= 1
    this.committedGroups = this.committedGroups.slice(count)
  }

  matched(): void {
    // What matters is how it ends.
  }

  began(): void {
    // As above.
  }

  ended({ change, failure, attempts }: InFlightJob, end: JobEnd): void {
    const row = end === 'dead letter' ? this.byEvent.get(change) : undefined
    if (row === undefined) return
    const last = failure ?? attempts?.at(-1)
    const error = last === undefined ? 'parked behind an earlier failure of its key' : `${last.code}: ${last.message}`
    row.failure = { error, retries: Math.max(0, (attempts?.length ?? 0) - 1) }
  }
}
