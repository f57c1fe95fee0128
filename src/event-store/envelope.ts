import type { DomainEvent, NewEvent, RecordedEvent } from './contract.ts'
import { invalidArgument } from './errors.ts'

/** An event as services send it to each other: what it is in `metadata`, what happened in `payload`. */
export interface DomainEventEnvelope {
  readonly metadata: {
    readonly event_id: string
    readonly event_type: string
    readonly source_service: string | null
    readonly timestamp: string
    readonly correlation_id: string | null
    readonly causation_id: string | null
    readonly user_id: string | null
  }
  readonly payload: unknown
}

/** The envelope of an event that was read. */
export function toEnvelope(event: RecordedEvent): DomainEventEnvelope {
  return {
    metadata: {
      event_id: event.id,
      event_type: event.type,
      source_service: event.source,
      timestamp: event.timestamp,
      correlation_id: event.correlationId,
      causation_id: event.causationId,
      user_id: event.userId,
    },
    payload: event.payload,
  }
}

/** An event to append, from an envelope. Throws BINGO_STORE_ARGUMENT_INVALID. */
export function fromEnvelope(envelope: DomainEventEnvelope): NewEvent {
  const { metadata, payload } = envelope
  if (typeof metadata !== 'object' || metadata === null) throw invalidArgument('An envelope needs `metadata`')
  const event: NewEvent<DomainEvent> = {
    id: metadata.event_id,
    type: metadata.event_type,
    source: metadata.source_service,
    timestamp: metadata.timestamp,
    correlationId: metadata.correlation_id,
    causationId: metadata.causation_id,
    userId: metadata.user_id,
    payload,
  }
  return event
}
