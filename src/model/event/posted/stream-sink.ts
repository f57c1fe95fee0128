import type { Value } from '../row.ts'

/** What the version of a stream has to be for an append: a number (0: there are no events yet), or less exact. */
export type WantedVersion = number | 'no-stream' | 'stream-exists' | 'any'

/** An event that a rule appends to a stream. Its id follows from what it was made of: made again, it is the same event. */
export interface StreamEvent {
  readonly id: string
  readonly type: string
  readonly payload: Value
  readonly source: string
  /** ISO 8601. */
  readonly timestamp: string
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly userId: string | null
}

/** Takes the events that rules append to streams: an event store does (event-store/contract.ts). */
export interface StreamSink {
  /** Printable, no secrets. */
  readonly description: string
  /** All or none; resolves when they are durable. The same events again are no error. Rejects with a BingoError. */
  appendToStream(
    stream: string,
    events: readonly StreamEvent[],
    options: { readonly expectedVersion: WantedVersion },
  ): Promise<unknown>
}
