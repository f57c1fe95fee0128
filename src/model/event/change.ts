import type { Event, Shape } from './event.ts'
import type { Facts, ThresholdFact } from './facts.ts'
import { keyChanged, keyValue, rowKeyText } from './row-key.ts'
import { rowShape } from './row-shape.ts'
import type { TableDef } from '../table/table.ts'
import type { Operation, Row, Value } from './row.ts'

/** The committed transaction that a change belongs to. */
export interface Transaction {
  /** First part of the event ids: the GTID, or `SERVER:FILE:OFFSET` where there is none. */
  readonly id: string
  /** GTID as the server writes it (MySQL `uuid:n` or `uuid:tag:n`, MariaDB `d-s-n`); null where GTIDs are off. */
  readonly gtid: string | null
  /** Binlog file and offset of the first event of the transaction. */
  readonly file: string
  readonly offset: number
  readonly serverId: number
  /** Commit time in microseconds since 1970; whole seconds where the server gives no better (MySQL 5.x, MariaDB). */
  readonly timestampUs: number
  /** Text of the statement where the server logs it (binlog_rows_query_log_events / annotate rows); else null. */
  query: string | null
}

/** Stands in a reused change until a row fills it; never seen outside. */
export const NO_TRANSACTION: Transaction = {
  id: '',
  gtid: null,
  file: '',
  offset: 0,
  serverId: 0,
  timestampUs: 0,
  query: null,
}

/**
 * One row change on its way to actions. Holds just the columns that the matching rules read. A TRUNCATE or DDL is a
 * change too: of a table without columns, both rows null, `query` the statement.
 */
export class Change implements Event {
  readonly table: TableDef
  readonly op: Operation
  readonly transaction: Transaction
  /** Place of the row in its transaction: 0, 1, 2 … within a rows event, with a leap between rows events. */
  readonly seq: number
  readonly old: Row | null
  readonly new: Row | null
  readonly query: string | null

  constructor(
    table: TableDef,
    op: Operation,
    transaction: Transaction,
    seq: number,
    old: Row | null,
    new_: Row | null,
    query: string | null,
  ) {
    this.table = table
    this.op = op
    this.transaction = transaction
    this.seq = seq
    this.old = old
    this.new = new_
    this.query = query
  }

  /** What the rule that matched knows beside the rows (facts.ts); null for most. */
  get facts(): Facts | null {
    return null
  }

  /** The change with all columns of its rows, where this one holds some of them and the row's image. */
  get whole(): Change {
    return this
  }

  /** A job was made of it, which keeps it until its end. */
  taken(): void {
    // Nothing of this one lies in a buffer that is not its own.
  }

  /** Deterministic: the same change has the same id after any replay. The idempotency key of every target. */
  get id(): string {
    return `${this.transaction.id}/${this.seq}`
  }

  /** What `id` begins with, followed by a slash and `seq`. Undefined: it is made in another way. */
  get idScope(): string | undefined {
    return this.transaction.id
  }

  /** `shop.users.update`; `create` for an INSERT, as other sources say it. */
  get type(): string {
    const { schema, name } = this.table
    return [schema, name, this.op === 'insert' ? 'create' : this.op].filter((part) => part !== '').join('.')
  }

  /** Rows of a table without a primary key share one; statements have none. */
  get key(): string | null {
    return this.table.columns.length === 0 ? null : rowKeyText(this.table, this.old, this.new)
  }

  get previousKey(): string | undefined {
    const changed = keyChanged(this.table, this.op, this.old, this.new)
    return changed ? rowKeyText(this.table, this.old, null) : undefined
  }

  get at(): number {
    return this.transaction.timestampUs / 1_000
  }

  get shape(): Shape {
    return rowShape(this.table)
  }

  /** `new.COLUMN`, `old.COLUMN`, `key.COLUMN`, or `COLUMN` of the row as it is now (as it was, for a DELETE). */
  field(path: string): Value {
    const dot = path.indexOf('.')
    const column = path.slice(dot + 1)
    switch (dot < 0 ? '' : path.slice(0, dot)) {
      case 'new':
        return this.new?.[column]
      case 'old':
        return this.old?.[column]
      case 'key':
        return keyValue(column, this.old, this.new)
      case '':
        return (this.new ?? this.old)?.[column]
      default:
        return undefined
    }
  }
}

/** The change event as people see it (JSON). Key order is part of the format. */
export interface ChangeEvent {
  readonly id: string
  readonly op: Operation
  readonly schema: string
  readonly table: string
  readonly key: { readonly [column: string]: Value } | null
  readonly old: Row | null
  readonly new: Row | null
  readonly changed: readonly string[]
  /** ISO 8601, UTC, six fraction digits. */
  readonly ts: string
  readonly gtid: string | null
  readonly position: { readonly file: string; readonly offset: number }
  readonly serverId: number
  readonly txId: string
  readonly seq: number
  readonly query: string | null
  /** In events of rules with `threshold:` only. */
  readonly threshold?: ThresholdFact
}

/** The same change with facts, for one rule: other rules know nothing of them. */
export function withFacts(change: Change, facts: Facts): Change {
  return Object.create(Object.getPrototypeOf(change) as object, {
    ...Object.getOwnPropertyDescriptors(change),
    facts: { value: { ...change.facts, ...facts } },
  }) as Change
}
