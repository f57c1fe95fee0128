import type { Change, ChangeEvent } from '../change.ts'
import type { Row, Value } from '../row.ts'
import { toChangeEvent } from './event-json.ts'
import { correlationOf, envelopeOf } from '../posted/posted-event.ts'

/** A change event in the JSON format of CloudEvents 1.0 (github.com/cloudevents/spec, json-format.md). */
export interface CloudEvent<Data = ChangeEvent> {
  readonly specversion: '1.0'
  readonly id: string
  /** `/bingo/SERVER_ID/SCHEMA`, or the source of a posted event: with `id` unique, as the specification asks. */
  readonly source: string
  /** `schema.table.operation`, or that of a posted event. */
  readonly type: string
  /** Primary key values joined by `,`, or the key of a posted event; left out where there is none. */
  readonly subject?: string
  readonly time: string
  /** Extensions, of a posted event. */
  readonly correlationid?: string
  readonly causationid?: string
  readonly traceparent?: string
  readonly datacontenttype: 'application/json'
  /** The event of a row; the payload of a posted event. */
  readonly data: Data
}

export function cloudEventOf(change: Change): CloudEvent<Value | ChangeEvent> {
  const envelope = envelopeOf(change)
  if (envelope === null) return toCloudEvent(toChangeEvent(change))
  const { id, source, type, key, causationId, traceparent, payload } = envelope
  return {
    specversion: '1.0',
    id,
    source: URI_REFERENCE.test(source) ? source : encodeURIComponent(source),
    type,
    ...(key !== null && { subject: key }),
    time: (change.new as Row)['timestamp'] as string,
    correlationid: correlationOf(envelope),
    ...(causationId !== null && { causationid: causationId }),
    ...(traceparent !== null && { traceparent }),
    datacontenttype: 'application/json',
    data: payload,
  }
}

/** Characters of a URI (RFC 3986). */
const URI_REFERENCE = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[\dA-Fa-f]{2})+$/

export function toCloudEvent(event: ChangeEvent): CloudEvent {
  const subject = event.key === null ? {} : { subject: Object.values(event.key).map(String).join(',') }
  return {
    specversion: '1.0',
    id: event.id,
    source: `/bingo/${event.serverId}/${encodeURIComponent(event.schema)}`,
    type: `${event.schema}.${event.table}.${event.op}`,
    ...subject,
    time: event.ts,
    datacontenttype: 'application/json',
    data: event,
  }
}
