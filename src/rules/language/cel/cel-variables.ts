import type { Change } from '../../../model/event/change.ts'
import { columnChanged } from '../../../model/event/changed-columns.ts'
import { isoMicroseconds } from '../../../model/event/forms/event-json.ts'
import { columnsOf } from '../table-columns.ts'
import { KeyMap, OptionalMap, RowMap } from './cel-context.ts'
import type { ColumnMap, RowReading } from './cel-context.ts'
import { FactVariables } from './cel-facts-of-rule.ts'
import { microseconds } from './values/cel-time.ts'
import type { CelTimestamp } from './values/cel-time.ts'

/** The variables of one evaluation; each is made when the expression asks for it. */
export class CelVariables extends FactVariables {
  private readonly reading: RowReading

  constructor(reading: RowReading, change: Change) {
    super(change, reading.source)
    this.reading = reading
  }

  get new(): unknown {
    return new RowMap(this.reading, this.change.new)
  }

  get old(): unknown {
    return new RowMap(this.reading, this.change.old)
  }

  get NewRow(): unknown {
    return this.new
  }

  get OldRow(): unknown {
    return this.old
  }

  get key(): unknown {
    return new KeyMap(this.reading, this.change)
  }

  get 'new?'(): unknown {
    return this.optional(new RowMap(this.reading, this.change.new))
  }

  get 'old?'(): unknown {
    return this.optional(new RowMap(this.reading, this.change.old))
  }

  get 'NewRow?'(): unknown {
    return this['new?']
  }

  get 'OldRow?'(): unknown {
    return this['old?']
  }

  get 'key?'(): unknown {
    return this.optional(new KeyMap(this.reading, this.change))
  }

  private optional(row: ColumnMap): unknown {
    return new OptionalMap(row, columnsOf(this.reading.table))
  }

  get op(): string {
    return this.change.op
  }

  get schema(): string {
    return this.change.table.schema
  }

  get table(): string {
    return this.change.table.name
  }

  get changed(): readonly string[] {
    const { old, new: new_ } = this.change
    return columnsOf(this.reading.table).names.filter((name) => columnChanged(name, old, new_))
  }

  /** Commit time, to the microsecond. */
  get ts(): CelTimestamp {
    return microseconds(this.change.transaction.timestampUs)
  }

  get gtid(): string | null {
    return this.change.transaction.gtid
  }

  get serverId(): bigint {
    return BigInt(this.change.transaction.serverId)
  }

  get txId(): string {
    return this.change.transaction.id
  }

  /** The row as the event that it is, for rules with `on`. */
  get event(): unknown {
    const { change } = this
    const own = {
      id: change.id,
      type: change.type,
      source: 'database',
      timestamp: isoMicroseconds(change.transaction.timestampUs),
    }
    const rows = this.payload
    const names = ['op', 'schema', 'table', 'gtid', 'serverId', 'txId'] as const
    return new Map<string, unknown>([
      ...Object.entries(own),
      ...names.map((name) => [name, this[name]] as const),
      ...rows,
      ['payload', rows],
    ])
  }

  get payload(): Map<string, unknown> {
    return new Map<string, unknown>([
      ['new', this.change.new === null ? null : this.new],
      ['old', this.change.old === null ? null : this.old],
      ['key', this.key],
      ['changed', this.changed],
    ])
  }

  get context(): unknown {
    return new Map()
  }

  get metadata(): unknown {
    return new Map()
  }
}
