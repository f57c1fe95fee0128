import { Utf8Bytes } from '../event/bytes/content.ts'
import { stringifyValue } from '../event/forms/event-json.ts'
import type { Payload } from '../rule/rule.ts'

/**
 * What a payload addresses, as text: a key to delete is its own address; else the key that is written, the URL of a request,
 * where a message goes at a broker. Of a call, a statement or a line nobody can tell: those are the same when they are equal.
 */
export function addressOf(payload: Payload): string {
  if (typeof payload === 'string') return payload
  if (typeof payload !== 'object' || payload === null) return ''
  if (payload instanceof Utf8Bytes) return payload.toString()
  const { address, url, topic, key, subject, routingKey } = payload as {
    readonly address?: string
    readonly url?: { readonly href: string }
    readonly topic?: string
    readonly key?: string
    readonly subject?: string
    readonly routingKey?: string
  }
  if (topic !== undefined) return `${topic}\0${key}`
  return address ?? url?.href ?? subject ?? routingKey ?? stringifyValue(payload)
}
