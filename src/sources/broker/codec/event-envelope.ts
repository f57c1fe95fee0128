import type { Value } from '../../../model/event/row.ts'
import type { EventEnvelope, EventFields } from '../../../model/event/posted/event-record.ts'
import { DEFAULT_ENVIRONMENT } from '../../../model/event/posted/posted-event.ts'
import type { BrokerRecord, Decoded } from '../contract.ts'
import { invalidRecord } from './invalid.ts'
import { isMap, type JsonMap } from './json-value.ts'
import { eventIdOf } from './record-origin.ts'

/** What events of a source have where their records do not say. */
export interface EventDefaults {
  /** The name of the source. */
  readonly source: string
  /** Null: the topic. */
  readonly type: string | null
  readonly instanceId: string
  /** A record of more hops goes round in a circle. */
  readonly mostHops: number
}

export type GivenFields = { readonly [name in keyof EventEnvelope]?: EventEnvelope[name] | undefined }

const MOST_TEXT = 255
const MOST_TYPE = 256

/** An event of a record; what is not given comes from its headers, or from where it was. */
export function jsonEvent(record: BrokerRecord, defaults: EventDefaults, given: GivenFields): Decoded {
  const { headers, at, topic } = record
  const type = given.type ?? defaults.type ?? topic
  if (type.length > MOST_TYPE) throw invalidRecord(`the type of the event has more than ${MOST_TYPE} characters`)
  const event: EventEnvelope = {
    id: given.id ?? eventIdOf(record),
    type,
    source: given.source ?? defaults.source,
    key: given.key !== undefined ? given.key : textKey(record),
    payload: given.payload ?? null,
    context: given.context ?? {},
    metadata: given.metadata ?? {},
    userId: given.userId ?? null,
    sessionId: given.sessionId ?? null,
    accountId: given.accountId ?? null,
    instanceId: given.instanceId ?? defaults.instanceId,
    environment: given.environment ?? DEFAULT_ENVIRONMENT,
    correlationId: given.correlationId ?? headers.get('bingo-correlation-id') ?? null,
    causationId: given.causationId ?? headers.get('bingo-causation-id') ?? null,
    traceparent: given.traceparent ?? headers.get('traceparent') ?? null,
    hops: given.hops ?? 0,
    timestamp: given.timestamp ?? at,
    deliverAt: null,
    isTest: given.isTest ?? false,
  }
  return { tag: 'event', event }
}

/** Keys of bytes are told apart all the same. */
function textKey({ key, orderedBy }: BrokerRecord): string | null {
  if (key === null || key.length === 0) return orderedBy ?? null
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength)
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? text : bytes.toString('base64')
}

const TEXTS = [
  'userId',
  'sessionId',
  'accountId',
  'correlationId',
  'causationId',
  'traceparent',
  'instanceId',
  'environment',
  'source',
] as const

/** The JSON of a posted event (docs/events.md). */
export function postedEvent(map: JsonMap, record: BrokerRecord, defaults: EventDefaults): Decoded {
  const type = textIn(map, 'type', MOST_TYPE) ?? textIn(map, 'name', MOST_TYPE)
  if (type === undefined) {
    throw invalidRecord('the value is neither a row change nor an event of BinGo: it has no "op" and no "type"')
  }
  const hops = map['hops']
  const next = (typeof hops === 'number' && Number.isSafeInteger(hops) && hops >= 0 ? hops : 0) + 1
  if (next > defaults.mostHops) {
    throw invalidRecord(`the event was published ${next} times: a rule sends it where this source reads it`)
  }
  const texts = Object.fromEntries(TEXTS.map((name) => [name, textIn(map, name, MOST_TEXT)]))
  return jsonEvent(record, defaults, {
    ...texts,
    id: textIn(map, 'id', MOST_TEXT),
    type,
    ...('key' in map && { key: textIn(map, 'key', 1_024) ?? null }),
    payload: map['payload'] ?? null,
    context: mapIn(map, 'context'),
    metadata: mapIn(map, 'metadata'),
    hops: next,
    timestamp: momentIn(map, 'timestamp'),
    isTest: map['isTest'] === true,
  })
}

/** Undefined where it is missing or null. */
export function textIn(map: JsonMap, name: string, most: number): string | undefined {
  const value = map[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value === '') throw invalidRecord(`"${name}" of the event is not a text`)
  if (value.length > most) throw invalidRecord(`"${name}" of the event has more than ${most} characters`)
  return value
}

function mapIn(map: JsonMap, name: string): EventFields | undefined {
  const value = map[name]
  if (value === undefined || value === null) return undefined
  if (!isMap(value)) throw invalidRecord(`"${name}" of the event is not a map`)
  return value
}

/** Milliseconds since 1970, or ISO 8601. */
export function momentIn(map: JsonMap, name: string): number | undefined {
  const value: Value = map[name]
  if (value === undefined || value === null) return undefined
  const ms = typeof value === 'string' ? Date.parse(value) : value
  if (typeof ms === 'number' && ms >= 0 && ms <= LATEST_MS) return Math.floor(ms)
  throw invalidRecord(`"${name}" of the event is not a time`)
}

/** 9999-12-31. */
const LATEST_MS = 253_402_300_799_999
