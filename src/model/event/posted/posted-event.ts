import { Change } from '../change.ts'
import type { Transaction } from '../change.ts'
import type { Row, Value } from '../row.ts'
import { isoMoment } from '../forms/iso-moment.ts'
import type { EventEnvelope } from './event-record.ts'
import { ColumnType } from '../../table/column-type.ts'
import type { ColumnDef, TableDef } from '../../table/table.ts'

/** What rules read of a posted event; the order is that of its JSON. */
export const EVENT_FIELDS = [
  'id',
  'type',
  'source',
  'key',
  'payload',
  'context',
  'metadata',
  'userId',
  'sessionId',
  'accountId',
  'instanceId',
  'environment',
  'correlationId',
  'causationId',
  'traceparent',
  'hops',
  'timestamp',
  'deliverAt',
  'isTest',
] as const satisfies readonly (keyof EventEnvelope)[]

export type EventField = (typeof EVENT_FIELDS)[number]

/** Fields that hold other things than texts. */
const TYPES: { readonly [field in EventField]?: number } = {
  payload: ColumnType.JSON,
  context: ColumnType.JSON,
  metadata: ColumnType.JSON,
  isTest: ColumnType.JSON,
  hops: ColumnType.LONGLONG,
}

/**
 * What all posted events look like: their payload, context and metadata are open. One object, since rules are compiled per
 * shape; which rules an event is for is told by its type.
 */
export const EVENT_SHAPE: TableDef = {
  schema: '',
  name: '',
  columns: EVENT_FIELDS.map((name): ColumnDef => ({
    name,
    type: TYPES[name] ?? ColumnType.VARCHAR,
    meta: 0,
    nullable: true,
    unsigned: false,
    collation: 0,
    visible: true,
  })),
  key: [],
  flavour: 'mysql',
}

/** Whether what is compiled for this table is about posted events. */
export function isPosted(table: TableDef): boolean {
  return table === EVENT_SHAPE
}

export function isEventField(name: string): name is EventField {
  return (EVENT_FIELDS as readonly string[]).includes(name)
}

/** An event that an application posted, on its way to actions: the same to all of them as a row that was changed. */
export class PostedEvent extends Change {
  readonly envelope: EventEnvelope
  /** What it keeps in memory, roughly. */
  readonly heldBytes: number
  /** What is known of it while its actions run, of whoever follows it: a map by event would keep those that have ended (Unwritten). */
  follower: object | null = null

  constructor(envelope: EventEnvelope, transaction: Transaction, seq: number, heldBytes = ASSUMED_BYTES) {
    super(EVENT_SHAPE, 'event', transaction, seq, null, new EventRow(envelope) as unknown as Row, null)
    this.envelope = envelope
    this.heldBytes = heldBytes
  }

  /** Ids are unique in their environment, and receivers know no environments. */
  override get id(): string {
    const { id, environment } = this.envelope
    return environment === DEFAULT_ENVIRONMENT ? id : `${environment}:${id}`
  }

  override get idScope(): undefined {
    return undefined
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

const ASSUMED_BYTES = 2_048
export const DEFAULT_ENVIRONMENT = 'default'

/**
 * By a class whose instances inherit nothing: taking the prototype from each row looks its shape up every time, and an object
 * that begins without one is kept as a hash table, which takes several times as long to fill, read and freeze.
 */
class EventRow implements Record<EventField, Value> {
  readonly id: Value
  readonly type: Value
  readonly source: Value
  readonly key: Value
  readonly payload: Value
  readonly context: Value
  readonly metadata: Value
  readonly userId: Value
  readonly sessionId: Value
  readonly accountId: Value
  readonly instanceId: Value
  readonly environment: Value
  readonly correlationId: Value
  readonly causationId: Value
  readonly traceparent: Value
  readonly hops: Value
  readonly timestamp: Value
  readonly deliverAt: Value
  readonly isTest: Value

  constructor(event: EventEnvelope) {
    this.id = event.id
    this.type = event.type
    this.source = event.source
    this.key = event.key
    this.payload = event.payload
    this.context = event.context
    this.metadata = event.metadata
    this.userId = event.userId
    this.sessionId = event.sessionId
    this.accountId = event.accountId
    this.instanceId = event.instanceId
    this.environment = event.environment
    this.correlationId = event.correlationId
    this.causationId = event.causationId
    this.traceparent = event.traceparent
    this.hops = event.hops
    this.timestamp = isoMoment(event.timestamp)
    this.deliverAt = event.deliverAt === null ? null : isoMoment(event.deliverAt)
    this.isTest = event.isTest
  }
}
Reflect.deleteProperty(EventRow.prototype, 'constructor')
Object.setPrototypeOf(EventRow.prototype, null)

/** What a posted event is ordered by: its key; without one it has no order among others. */
export function postedKeyText({ new: event }: Change): string {
  const { environment, key, id } = event as { readonly [field: string]: string | null }
  return key === null ? `event id\0${environment}\0${id}` : `event\0${environment}\0${key}`
}

/** What belongs together across events: the first of a chain stands for all of it. */
export function correlationOf({ correlationId, id }: EventEnvelope): string {
  return correlationId ?? id
}

/** What comes out of an action, apart from its payload: what events that are the cause of others hand on. */
export function envelopeOf(change: Change): EventEnvelope | null {
  return change instanceof PostedEvent ? change.envelope : null
}
