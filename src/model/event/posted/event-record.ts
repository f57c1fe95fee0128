import type { Value } from '../row.ts'

/** Where an event is: see `EventRecord.status`. */
export const EVENT_STATUSES = ['pending', 'processing', 'completed', 'failed', 'cancelled'] as const
export type EventStatus = (typeof EVENT_STATUSES)[number]

/** JSON objects of an event, as they were sent. */
export type EventFields = { readonly [name: string]: Value }

/** What a posted event says; it never changes once the event has left for its rules. Times are milliseconds since 1970. */
export interface EventEnvelope {
  /** Unique in its environment for as long as the provider remembers ids. */
  readonly id: string
  /** Dotted, commonly `schema.entity.operation`: `orders.order.create`. */
  readonly type: string
  /** Who it comes from: `database`, `frontend`, `websocket`, `system`, `internal`, `api` or any name. */
  readonly source: string
  /** What order is kept for; null: none. */
  readonly key: string | null
  readonly payload: Value
  readonly context: EventFields
  readonly metadata: EventFields
  readonly userId: string | null
  readonly sessionId: string | null
  readonly accountId: string | null
  /** The instance of BinGo that took it in. */
  readonly instanceId: string
  readonly environment: string
  readonly correlationId: string | null
  /** Id of the event that caused this one. */
  readonly causationId: string | null
  /** W3C trace context, where its sender gave one. */
  readonly traceparent: string | null
  /** How many events of rules lie between this one and the one that came from outside; 0 = it came from outside. */
  readonly hops: number
  /** When it happened, as its sender says. */
  readonly timestamp: number
  /** Not before; null: at once. */
  readonly deliverAt: number | null
  readonly isTest: boolean
}

export const OUTCOME_STATUSES = ['done', 'failed', 'skipped'] as const

/** What one action of one rule made of an event. */
export interface EventOutcome {
  readonly rule: string
  /** Place of the action in its rule, from 0. */
  readonly action: number
  readonly status: (typeof OUTCOME_STATUSES)[number]
  readonly at: number
  /** Why it failed, with the id of its dead letter; or why it was skipped. */
  readonly error?: string | undefined
  readonly deadLetter?: string | undefined
}

/**
 * What became of an event: a projection that is written in batches behind the log and may lag; it is never the queue.
 * Pending, processing, then completed (an event that no rule matches too), or failed when some action ended in the dead
 * letters, until a retry of it works. Cancelled: before it was due.
 */
export interface EventProgress {
  readonly status: EventStatus
  /** How many rules matched. */
  readonly matched: number
  readonly createdAt: number
  readonly updatedAt: number
  readonly processedAt: number | null
  readonly deliveredAt: number | null
  readonly completedAt: number | null
  readonly cancelledAt: number | null
  readonly retryCount: number
  readonly error: string | null
  readonly outcomes: readonly EventOutcome[]
}

export interface EventRecord extends EventEnvelope, EventProgress {}
