import type { Change, Transaction } from '../../model/event/change.ts'

/** Events that are finished together: the position moves behind all of them at once. */
export interface FeedGroup<P extends object> {
  /** Stable over restarts. */
  readonly id: string
  /** When it was stored, milliseconds since 1970. */
  readonly at: number
  /** Its events, in their order. */
  changes(transaction: Transaction): readonly Change[]
  /** A new object for every group. */
  readonly end: P
}

/** A store that holds events for the rules, read in its order. Rejects with BingoErrors; retryable ones are retried. */
export interface Feed<P extends object> {
  /** Printable, no secrets. */
  readonly description: string
  /** Where a first start begins. */
  begin(): Promise<P>
  /** Groups behind `from`, until `signal` ends it. `idle`: everything that is there was handed out, more is waited for. */
  read(from: P, signal: AbortSignal, idle: () => void): AsyncIterable<FeedGroup<P>>
  /** Everything up to here is finished and durable. */
  finished?(upTo: P): void
}
