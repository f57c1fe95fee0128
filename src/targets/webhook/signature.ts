import { createHmac } from 'node:crypto'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { messageId } from '../plan/message-id.ts'
import { digest, shortId } from '../plan/short-id.ts'

const PREFIX = 'whsec_'
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/
/** Sizes that the specification asks for. */
const MIN_BYTES = 24
const MAX_BYTES = 64

/** Key bytes of a Standard Webhooks secret (`whsec_` + base64), or null where it is none. */
export function decodeSecret(secret: string): Buffer | null {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret
  if (!BASE64.test(text)) return null
  const key = Buffer.from(text, 'base64')
  return key.length >= MIN_BYTES && key.length <= MAX_BYTES ? key : null
}

/**
 * Headers of Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec section "Signature scheme"):
 * HMAC-SHA256 over `id.timestamp.body`, one `v1,` signature per secret. The body is signed as the receiver reads it,
 * that is, before compression.
 */
export function signatureHeaders(
  id: string,
  body: string | Buffer,
  secrets: readonly Buffer[],
  nowMs: number,
): string[] {
  const timestamp = String(Math.floor(nowMs / 1000))
  const headers = ['webhook-id', id, 'webhook-timestamp', timestamp]
  if (secrets.length === 0) return headers
  const signatures = secrets.map((key) => {
    const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body)
    return `v1,${hmac.digest('base64')}`
  })
  return [...headers, 'webhook-signature', signatures.join(' ')]
}

/**
 * What the receiver dedupes by: the message id of one event, for a batch a digest of them. The same events of the same
 * action have the same id whenever they are sent, any others another. No full stops: these part id, timestamp and body
 * where they are signed.
 */
export function webhookId(action: ActionPlan, eventIds: readonly string[]): string {
  if (eventIds.length > 1) return `batch-${digest(eventIds.map((id) => messageId(id, action)).join('\n'))}`
  return shortId(messageId(eventIds[0]!, action))
}
