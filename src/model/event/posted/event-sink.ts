import type { EventEnvelope } from './event-record.ts'

/** An event that a rule made. Its id follows from what it was made of: made again, it is the same event. */
export interface MadeEvent {
  readonly event: Omit<EventEnvelope, 'instanceId'>
  /** What the rule says of it: where its id is stored already, only these fields count (see NewEvent). */
  readonly sent: ReadonlySet<keyof EventEnvelope>
}

/** Takes the events that rules make, as if they had been posted. */
export interface EventSink {
  /**
   * All or none: resolves when they are durable. An id that is stored already is no error. Rejects with a BingoError:
   * retryable where they cannot be stored now, else because one of them never can be.
   */
  publish(events: readonly MadeEvent[]): Promise<void>
}

/** How many events of rules may lie between an event and the one that came from outside, where nobody says. */
export const MOST_HOPS = 16
