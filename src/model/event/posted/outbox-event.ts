import type { Change } from '../change.ts'
import type { Row, Value } from '../row.ts'
import { envelopeOf } from './posted-event.ts'
import type { EventEnvelope } from './event-record.ts'

type Fields = { readonly [name: string]: Value }

/** What rules on posted events may name by itself: of the row of an outbox, in `context`. */
export const OUTBOX_NAMES = ['topic', 'headers'] as const

export function isOutboxName(name: string): name is (typeof OUTBOX_NAMES)[number] {
  return (OUTBOX_NAMES as readonly string[]).includes(name)
}

const NONE: { readonly [name: string]: string } = {}

/** Whether an event came from an outbox: nobody posted it, and no provider keeps it. */
export function isOfOutbox(event: Row | null): boolean {
  const context = event?.['context']
  return typeof context === 'object' && context !== null && typeof (context as Fields)['outbox'] === 'string'
}

/** Headers that the row of an outbox brings for its message; none for every other event. */
export function outboxHeaders(change: Change): { readonly [name: string]: string } {
  const context = envelopeOf(change)?.context
  return typeof context?.['outbox'] === 'string' ? ((context['headers'] ?? NONE) as typeof NONE) : NONE
}

/** The payload alone, with the columns that are to stand beside it where there are some. */
export function messageOf({ payload, context }: EventEnvelope): Value {
  const beside = context['outbox'] === undefined ? undefined : context['envelope']
  // No payload is a tombstone: in an envelope it would delete nothing.
  return beside === undefined || payload === null ? payload : { payload, ...(beside as Fields) }
}
