import type { Change } from '../../model/event/change.ts'
import { correlationOf, envelopeOf } from '../../model/event/posted/posted-event.ts'

/** What receivers follow a chain of events by. */
export interface TraceHeaders {
  readonly 'bingo-correlation-id'?: string
  /** Of the event that caused the one that is sent. */
  readonly 'bingo-causation-id'?: string
  /** W3C trace context. */
  readonly traceparent?: string
  /** Of a command of a saga: what its participants tell commands apart by. */
  readonly 'bingo-saga'?: string
  readonly 'bingo-step'?: string
  readonly 'bingo-op'?: string
  readonly 'bingo-attempt'?: string
}

const NONE: TraceHeaders = {}
/** What headers of every protocol take; an id with anything else is written in percent-encoding. */
const PLAIN = /^[\x21-\x7e]*$/

/** Headers of a posted event, for all protocols; none for a row. */
export function traceHeaders(change: Change): TraceHeaders {
  const envelope = envelopeOf(change)
  if (envelope === null) return NONE
  const { causationId, traceparent } = envelope
  return {
    'bingo-correlation-id': headerText(correlationOf(envelope)),
    ...(causationId !== null && { 'bingo-causation-id': headerText(causationId) }),
    ...(traceparent !== null && PLAIN.test(traceparent) && { traceparent }),
    ...sagaHeaders(change),
  }
}

function sagaHeaders({ facts }: Change): TraceHeaders {
  const command = facts?.saga?.command
  if (command === undefined || command === null) return NONE
  const { saga, step, op, attempt } = command
  return { 'bingo-saga': saga, 'bingo-step': headerText(step), 'bingo-op': op, 'bingo-attempt': String(attempt) }
}

/** An id as the headers of every protocol take it. */
export function headerText(id: string): string {
  return PLAIN.test(id) ? id : encodeURIComponent(id.toWellFormed())
}
