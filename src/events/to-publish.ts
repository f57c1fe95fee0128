import type { Posted } from '../model/state/event-provider.ts'

/** A moment: ISO 8601 with a zone, milliseconds since 1970, or a date. */
export type Moment = string | number | Date

/** What can be said of an event beside its type and payload; docs/http-api.md has the same fields. */
export interface EventDetails {
  /** Unique for the retention of the store: an event that is sent again under its id is stored once. Default: a UUIDv7. */
  readonly id?: string | undefined
  /** Events of one key are processed in their order; without one there is no order. */
  readonly key?: string | null | undefined
  /** Who it comes from. Default: `app`. */
  readonly source?: string | undefined
  readonly context?: object | null | undefined
  readonly metadata?: object | null | undefined
  readonly userId?: string | null | undefined
  readonly sessionId?: string | null | undefined
  readonly accountId?: string | null | undefined
  readonly correlationId?: string | null | undefined
  readonly causationId?: string | null | undefined
  /** W3C trace context. */
  readonly traceparent?: string | null | undefined
  /** When it happened. Default: now. */
  readonly timestamp?: Moment | undefined
  readonly isTest?: boolean | undefined
}

/** An event to be published. */
export interface EventToPublish extends EventDetails {
  /** Dotted, commonly `schema.entity.operation`: `orders.order.create`. */
  readonly type: string
  /** JSON; integers beyond 2^53 as bigints. Default: null. */
  readonly payload?: unknown
}

export interface PublishOptions {
  /** Not before this moment. */
  readonly deliverAt?: Moment | undefined
  /** Seconds. `deliverAt` wins. */
  readonly deliverAfter?: number | undefined
  /** What is done about an id that is stored with other content. Default: `keep` what is stored. */
  readonly onConflict?: 'keep' | 'error' | undefined
}

/** As the store has it now, and whether it was there before. */
export type PublishedEvent = Posted

/** Who posts in a program, where the event does not say. */
export const PROGRAM_SOURCE = 'app'
