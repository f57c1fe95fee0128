import type { TransactionHandler } from './binlog-stream.ts'
import type { Change, Transaction } from '../event/change.ts'
import type { Gap } from '../event/gap.ts'
import type { TableDef } from '../table/table.ts'

/**
 * Where a source puts its events: groups that are committed or rolled back as a whole, one after the other, each with a
 * position behind which reading can resume. A group that was broken off and begins again under the same id goes on
 * behind its last event.
 */
export interface Intake<P> {
  /** Where reading begins, before anything is read. A first start is remembered before its first event (invariant 1). */
  started(position: P): void
  /** Whether some rule reads this table; asked once per `TableDef`. */
  wants(table: TableDef): boolean
  begin(group: Transaction): void
  event(event: Change): void
  /** The group is committed; `end` is the first safe place to resume. */
  commit(end: P): void
  /** Nothing of the group may be delivered. */
  rollback(end: P): void
  /** Events of the group from this ordinal on were undone. */
  rollbackTo(seq: number): void
  /** Something without events moved the position. */
  advance(end: P): void
  /** A gap is about to be passed, and reading goes on at `to`; nothing behind it is read before this resolves (invariant 8). */
  gap(gap: Gap, to: P): Promise<void>
}

/** An intake that takes undecoded rows and statements too: the fast path of the binlog. */
export type RowIntake<P> = Intake<P> & Omit<TransactionHandler, keyof Intake<P>>
