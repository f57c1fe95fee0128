import { Change } from './change.ts'
import type { Row, Transaction } from './change.ts'
import type { EventEnvelope } from './event-record.ts'
import { ColumnType } from '../table/column-type.ts'
import type { ColumnDef, TableDef } from '../table/table.ts'

/** What rules read of a posted event, by kind of value. */
const TEXTS = ['id', 'type', 'source', 'key', 'userId', 'sessionId', 'accountId', 'instanceId', 'environment'] as const
const MORE_TEXTS = ['correlationId', 'causationId', 'timestamp'] as const
const OPEN = ['payload', 'context', 'metadata'] as const

function column(name: string, type: number): ColumnDef {
  return { name, type, meta: 0, nullable: true, unsigned: false, collation: 0, visible: true }
}

/**
 * What all posted events look like: their payload, context and metadata are open. One object, since rules are compiled per
 * shape; which rules an event is for is told by its type.
 */
export const EVENT_SHAPE: TableDef = {
  schema: '',
  name: '',
  columns: [
    ...[...TEXTS, ...MORE_TEXTS].map((name) => column(name, ColumnType.VARCHAR)),
    ...OPEN.map((name) => column(name, ColumnType.JSON)),
    column('isTest', ColumnType.LONGLONG),
  ],
  key: [],
  flavour: 'mysql',
}

/** Whether what is compiled for this table is about posted events. */
export function isPosted(table: TableDef): boolean {
  return table === EVENT_SHAPE
}

/** An event that an application posted, on its way to actions: the same to all of them as a row that was changed. */
export class PostedEvent extends Change {
  readonly envelope: EventEnvelope

  constructor(envelope: EventEnvelope, transaction: Transaction, seq: number) {
    super(EVENT_SHAPE, 'event', transaction, seq, null, rowOf(envelope), null)
    this.envelope = envelope
  }

  override get id(): string {
    return this.envelope.id
  }

  override get type(): string {
    return this.envelope.type
  }

  override get key(): string | null {
    return this.envelope.key
  }

  override get previousKey(): undefined {
    return undefined
  }

  override get at(): number {
    return this.envelope.timestamp
  }
}

function rowOf(event: EventEnvelope): Row {
  return Object.assign(Object.create(null) as object, event, {
    timestamp: new Date(event.timestamp).toISOString(),
  }) as unknown as Row
}
