import { decodeEnvelope } from '../../model/event/forms/event-codec.ts'
import type { LogEntry } from '../../model/state/event-log.ts'

/** Headers of a message that is an entry of a log. The body is the JSON of the EventEnvelope. */
export const PLACE = 'bingo-place'
export const APPENDED_AT = 'bingo-appended-at'
/** Identity of the index that gave the place. */
export const INDEX = 'bingo-index'
/** The message has no body, since it would have been too large for the server: the index has it. */
export const IN_INDEX = 'bingo-in-index'

/** What a message says of itself; null: it is not an entry of a log, but something that somebody else published. */
export interface Mark {
  readonly index: string
  readonly place: number
  readonly appendedAt: number
}

export function markOf(header: (name: string) => string): Mark | null {
  const [index, place, appendedAt] = [header(INDEX), Number(header(PLACE)), Number(header(APPENDED_AT))]
  if (index === '' || !Number.isSafeInteger(place) || place < 1 || !Number.isSafeInteger(appendedAt)) return null
  return { index, place, appendedAt }
}

/** Null: its body is none. */
export function entryOf({ place, appendedAt }: Mark, payload: Uint8Array): LogEntry | null {
  try {
    const event = decodeEnvelope(payload)
    const { id, type, key, source, timestamp } = event
    return { id, type, key, source, payload, event, at: timestamp, place: String(place), appendedAt }
  } catch {
    return null
  }
}
