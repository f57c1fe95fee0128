import type { Value } from '../../../model/event/row.ts'
import type { BrokerRecord, Decoded } from '../contract.ts'
import type { BingoCodec } from './bingo.ts'
import { jsonEvent, momentIn, textIn, type EventDefaults } from './event-envelope.ts'
import { invalidRecord } from './invalid.ts'
import { isMap, jsonOf, stringAt, textOf, type JsonMap } from './json-value.ts'

/** Attributes in headers: those of Kafka and AMQP, and those of NATS and HTTP. */
const PREFIXES = ['ce_', 'ce-'] as const
const MOST_TEXT = 255
const MOST_TYPE = 256

/**
 * CloudEvents 1.0 in the bindings for Kafka and NATS: structured (the event is the value), binary (its attributes are
 * headers) and batches. Those that BinGo writes of rows are rows again.
 */
export class CloudEventsCodec {
  private readonly rows: BingoCodec
  private readonly defaults: EventDefaults

  constructor(rows: BingoCodec, defaults: EventDefaults) {
    this.rows = rows
    this.defaults = defaults
  }

  decode(record: BrokerRecord): readonly Decoded[] {
    const attributes = binaryAttributes(record)
    if (attributes !== null) return [this.event(attributes, record)]
    const value = jsonOf(record.value!, 'value')
    return (Array.isArray(value) ? (value as readonly Value[]) : [value]).map((each) => {
      if (!isMap(each)) throw invalidRecord('the value is not a CloudEvent: it is not a map')
      return this.event(each, record)
    })
  }

  private event(event: JsonMap, record: BrokerRecord): Decoded {
    const { specversion, id, source, type, subject, time, data, data_base64: bytes, ...rest } = event
    if (specversion !== '1.0') throw invalidRecord('the value is not a CloudEvent: its "specversion" is not "1.0"')
    for (const name of ['id', 'source', 'type']) {
      if (textIn(event, name, name === 'type' ? MOST_TYPE : MOST_TEXT) === undefined) {
        throw invalidRecord(`the CloudEvent has no "${name}"`)
      }
    }
    if (isRowOfBingo(source as string, data)) return this.rows.event(data, record)
    const { partitionkey, correlationid, causationid, traceparent, ...metadata } = rest
    const key = stringAt({ partitionkey }, 'partitionkey') ?? stringAt({ subject }, 'subject')
    return jsonEvent(record, this.defaults, {
      id: id as string,
      source: source as string,
      type: type as string,
      payload: data ?? bytes ?? null,
      metadata: { ...metadata, ...(subject !== undefined && { subject }) },
      ...(time !== undefined && time !== null && { timestamp: momentIn(event, 'time') }),
      ...(key !== undefined && { key }),
      correlationId: stringAt({ correlationid }, 'correlationid'),
      causationId: stringAt({ causationid }, 'causationid'),
      traceparent: stringAt({ traceparent }, 'traceparent'),
    })
  }
}

function isRowOfBingo(source: string, data: Value): data is JsonMap {
  return source.startsWith('/bingo/') && isMap(data) && typeof data['op'] === 'string' && 'txId' in data
}

/** Null: the attributes are not in the headers. */
function binaryAttributes({ headers, value }: BrokerRecord): JsonMap | null {
  const prefix = PREFIXES.find((each) => headers.has(`${each}specversion`))
  if (prefix === undefined) return null
  const event: { [name: string]: Value } = {}
  for (const [name, text] of headers) if (name.startsWith(prefix)) event[name.slice(prefix.length)] = text
  const type = headers.get('content-type') ?? ''
  if (value === null || value.length === 0) return event
  event['datacontenttype'] = type
  if (type === '' || /^application\/(?:[\w.+-]+\+)?json\b/.test(type)) event['data'] = jsonOf(value, 'data')
  else if (type.startsWith('text/')) event['data'] = textOf(value, 'data')
  else event['data_base64'] = Buffer.from(value).toString('base64')
  return event
}
