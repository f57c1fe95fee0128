import { BingoError } from '../../errors.ts'
import { type Check, faultOf, flag, map, mapOf, number, optional, orNull, text, time } from '../../json/shape.ts'
import { exactJson, JsonProblem, parseWrittenJson } from '../../json/strict-json.ts'
import type { EventEnvelope } from '../posted/event-record.ts'

/** Deeper than any event that is taken in, with its envelope around it. */
const MAX_DEPTH = 1_000

const textOrNone = optional(orNull(text))
/** Without what events of earlier versions do not have. */
const ENVELOPE: Check = mapOf({
  id: text,
  type: text,
  source: text,
  key: textOrNone,
  context: optional(map),
  metadata: optional(map),
  userId: textOrNone,
  sessionId: textOrNone,
  accountId: textOrNone,
  instanceId: optional(text),
  environment: text,
  correlationId: textOrNone,
  causationId: textOrNone,
  traceparent: textOrNone,
  hops: optional(number),
  timestamp: time,
  deliverAt: orNull(time),
  isTest: optional(flag),
})

/** The JSON of an envelope as logs keep it; numbers of any size stay what they are. */
export function encodeEnvelope(event: EventEnvelope): Uint8Array {
  return Buffer.from(exactJson(event))
}

/** Throws BINGO_EVENT_CORRUPT for bytes that `encodeEnvelope` did not write. */
export function decodeEnvelope(bytes: Uint8Array): EventEnvelope {
  const event = parsed(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  const fault = faultOf(ENVELOPE, event)
  if (fault !== null) throw corrupt(fault)
  return event as EventEnvelope
}

function parsed(json: string): unknown {
  try {
    return parseWrittenJson(json, MAX_DEPTH)
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error
    throw corrupt(`${error.message} at ${error.path}`, error)
  }
}

function corrupt(fault: string, cause?: JsonProblem): BingoError {
  return new BingoError('BINGO_EVENT_CORRUPT', `A stored event is not readable: ${fault}`, {
    hint: 'Repair the disk or the server that holds the event log, then restore it from a backup.',
    ...(cause !== undefined && { cause }),
  })
}
