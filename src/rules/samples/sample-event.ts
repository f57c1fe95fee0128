import type { Value } from '../../model/event/row.ts'
import type { EventSchemas } from '../../model/event/posted/event-schemas.ts'
import type { EventEnvelope, EventFields } from '../../model/event/posted/event-record.ts'
import { DEFAULT_ENVIRONMENT, EVENT_FIELDS, isEventField, PostedEvent } from '../../model/event/posted/posted-event.ts'
import { BingoError } from '../../model/errors.ts'
import { isMap } from '../../model/json/shape.ts'
import { nearestName } from '../../model/nearest-name.ts'

/** Beyond it no Date is valid. */
const LAST_MOMENT_MS = 8.64e15

type Sample = { readonly [name: string]: unknown }

/** What providers and the API tell of an event besides what it says, and other spellings. */
const MORE_FIELDS: ReadonlySet<string> = new Set(
  (
    'name status matched createdAt updatedAt processedAt deliveredAt completedAt cancelledAt retryCount error outcomes ' +
    'duplicate runs'
  ).split(' '),
)

/** Whether JSON is an event that was posted, not the one of a row: it has a type and no operation, or `op: event`. */
export function isPostedSample(event: object): boolean {
  const { op, type, name } = unwrapped(event)
  return op === 'event' || (op === undefined && (typeof type === 'string' || typeof name === 'string'))
}

/**
 * The posted event that JSON stands for: as it was posted (`{type, payload, …}`, alone or in `event`), as the API shows it, or
 * as dead letters keep it. Everything but the type may be left out. Throws BINGO_EVENT_INVALID.
 */
export function samplePosted(given: object, schemas?: EventSchemas): PostedEvent {
  const kept = unwrapped(given)
  const sample = kept['op'] === 'event' ? fieldsOf(kept['new']) : kept
  const unknown = Object.keys(sample).find((name) => !isEventField(name) && !MORE_FIELDS.has(name))
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, EVENT_FIELDS)
    const hint = nearest === undefined ? `It has: ${EVENT_FIELDS.join(', ')}.` : `Did you mean "${nearest}"?`
    throw invalid(`an event has no field "${unknown}"`, hint)
  }
  const envelope = envelopeFrom(sample)
  const misfit = schemas?.misfitOf(envelope.type, envelope.payload) ?? null
  if (misfit !== null) {
    const hint = `Correct it: an event like this would be refused by the schema of ${envelope.type}.`
    throw invalid(`${misfit.path}: ${misfit.message}`, hint)
  }
  const transaction = {
    id: typeof kept['txId'] === 'string' ? kept['txId'] : envelope.id,
    gtid: null,
    file: '',
    offset: 0,
    serverId: 0,
    timestampUs: timeOf(kept, 'ts', envelope.timestamp) * 1_000,
    query: null,
  }
  return new PostedEvent(envelope, transaction, typeof kept['seq'] === 'number' ? kept['seq'] : 0)
}

function fieldsOf(value: unknown): Sample {
  if (isMap(value)) return value
  throw invalid('"new" must be a map', 'Write the fields of the event: {type: orders.order.create, payload: {}}.')
}

/** What is posted stands in `event`, with `options` beside it, or by itself. */
function unwrapped(given: object): Sample {
  const { event, op, type } = given as Sample
  const isWrapped = op === undefined && type === undefined && typeof event === 'object' && event !== null
  return isWrapped ? (event as Sample) : (given as Sample)
}

function envelopeFrom(sample: Sample): EventEnvelope {
  const type = textOf(sample, sample['type'] === undefined ? 'name' : 'type')
  if (type === null || type === '') throw invalid('"type" is missing', 'Write for example orders.order.create.')
  const { isTest = false, hops = 0, payload = null } = sample
  if (typeof isTest !== 'boolean') throw invalid('"isTest" must be true or false', 'Write it without quotes.')
  return {
    id: textOf(sample, 'id') ?? 'sample',
    type,
    source: textOf(sample, 'source') ?? 'api',
    key: textOf(sample, 'key'),
    payload: payload as Value,
    context: mapOf(sample, 'context'),
    metadata: mapOf(sample, 'metadata'),
    userId: textOf(sample, 'userId'),
    sessionId: textOf(sample, 'sessionId'),
    accountId: textOf(sample, 'accountId'),
    instanceId: textOf(sample, 'instanceId') ?? 'sample',
    environment: textOf(sample, 'environment') ?? DEFAULT_ENVIRONMENT,
    correlationId: textOf(sample, 'correlationId'),
    causationId: textOf(sample, 'causationId'),
    traceparent: textOf(sample, 'traceparent'),
    hops: typeof hops === 'number' ? hops : 0,
    timestamp: timeOf(sample, 'timestamp', 0),
    deliverAt:
      sample['deliverAt'] === undefined || sample['deliverAt'] === null ? null : timeOf(sample, 'deliverAt', 0),
    isTest,
  }
}

function textOf(sample: Sample, name: string): string | null {
  const value = sample[name]
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  throw invalid(`"${name}" must be a text`, 'Put quotes around it.')
}

function mapOf(sample: Sample, name: string): EventFields {
  const value = sample[name] ?? {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as EventFields
  throw invalid(`"${name}" must be a map`, 'Write names and values.')
}

function timeOf(sample: Sample, name: string, otherwise: number): number {
  const value = sample[name]
  if (value === undefined || value === null) return otherwise
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : NaN
  if (Math.abs(ms) <= LAST_MOMENT_MS) return ms
  throw invalid(`"${name}" is not a time`, 'Write for example 2026-11-28T10:00:00Z.')
}

function invalid(message: string, hint: string): BingoError {
  return new BingoError('BINGO_EVENT_INVALID', `the event is not valid: ${message}`, { hint })
}
