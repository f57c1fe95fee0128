import type { MadeEvent } from '../../model/event/posted/event-sink.ts'
import type { WantedVersion } from '../../model/event/posted/stream-sink.ts'

/** What an action renders of an event to make; its id comes with the action that sends it. */
export interface EventPayload {
  readonly event: Omit<MadeEvent['event'], 'id' | 'deliverAt'>
  readonly sent: MadeEvent['sent']
  /** Milliseconds since 1970; null: at once, or after `deliverAfterMs`. */
  readonly deliverAt: number | null
  /** The event is appended to a stream of the event store. Absent: it goes through the rules like a posted one. */
  readonly append?: StreamPlace | undefined
}

export interface StreamPlace {
  readonly stream: string
  readonly expectedVersion: WantedVersion
}

export interface EventActionOptions {
  readonly deliverAfterMs: number
}

/** Of a target that appends to streams; null for one that makes events. */
export interface StreamTargetOptions {
  readonly appends: true
}
