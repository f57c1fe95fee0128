import { BingoError } from '../../errors.ts'
import { exactJson, JsonProblem, parseWrittenJson } from '../../json/strict-json.ts'
import type { EventEnvelope } from '../posted/event-record.ts'

/** Deeper than any event that is taken in, with its envelope around it. */
const MAX_DEPTH = 1_000

/** The JSON of an envelope as logs keep it; numbers of any size stay what they are. */
export function encodeEnvelope(event: EventEnvelope): Uint8Array {
  return Buffer.from(exactJson(event))
}

/** Throws BINGO_EVENT_CORRUPT for bytes that `encodeEnvelope` did not write. */
export function decodeEnvelope(bytes: Uint8Array): EventEnvelope {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  try {
    return parseWrittenJson(text, MAX_DEPTH) as unknown as EventEnvelope
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error
    throw new BingoError('BINGO_EVENT_CORRUPT', `A stored event is not readable: ${error.message} at ${error.path}`, {
      hint: 'Repair the disk or the server that holds the event log, then restore it from a backup.',
      cause: error,
    })
  }
}
