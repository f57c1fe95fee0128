import type { JsMsg } from '@nats-io/jetstream'
import type { BrokerRecord } from '../contract.ts'

export interface NatsMessage extends Pick<JsMsg, 'subject' | 'data'> {
  readonly seq: number
  readonly headers?: JsMsg['headers'] | undefined
  /** When it was stored, milliseconds since 1970. */
  readonly at: number
}

export function recordOfMessage(stream: string, { seq, subject, data, headers, at }: NatsMessage): BrokerRecord {
  const found = new Map<string, string>()
  for (const name of headers?.keys() ?? []) found.set(name.toLowerCase(), headers!.get(name))
  const key = found.get('key')
  return {
    topic: subject,
    part: stream,
    place: String(seq),
    at,
    key: key === undefined ? null : Buffer.from(key),
    // What a message is about stands in its subject: orders.17.
    orderedBy: subject,
    value: data,
    headers: found,
  }
}
