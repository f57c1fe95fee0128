import type { Matcher } from '../../match/matcher.ts'
import type { Log } from '../../model/rule/action.ts'
import type { TableDef } from '../../model/table/table.ts'

/** Says once of each outbox that somebody changes its rows: their events stay what they were. */
export class OutboxNotes {
  private readonly log: Log
  private readonly told = new WeakSet<TableDef>()

  constructor(log: Log) {
    this.log = log
  }

  updated(table: TableDef, matcher: Matcher): void {
    if (this.told.has(table)) return
    this.told.add(table)
    const outbox = matcher.outboxOf(table)
    // Marks are BinGo's own.
    if (outbox === null || outbox.after === 'mark') return
    const { schema, name } = table
    this.log.warn(
      { code: 'BINGO_OUTBOX_UPDATED', schema, table: name },
      'rows of an outbox were updated: BinGo ignores it, since an event is what was inserted',
    )
  }
}
