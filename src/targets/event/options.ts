import type { MadeEvent } from '../../model/event/event-sink.ts'

/** What an action renders of an event to make; its id comes with the action that sends it. */
export interface EventPayload {
  readonly event: Omit<MadeEvent['event'], 'id' | 'deliverAt'>
  readonly sent: MadeEvent['sent']
  /** Milliseconds since 1970; null: at once, or after `deliverAfterMs`. */
  readonly deliverAt: number | null
}

export interface EventActionOptions {
  readonly deliverAfterMs: number
}
