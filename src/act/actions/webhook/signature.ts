import { createHash, createHmac } from 'node:crypto'

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
export function signatureHeaders(id: string, body: string, secrets: readonly Buffer[], nowMs: number): string[] {
  const timestamp = String(Math.floor(nowMs / 1000))
  const headers = ['webhook-id', id, 'webhook-timestamp', timestamp]
  if (secrets.length === 0) return headers
  const signatures = secrets.map((key) => {
    const hmac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body)
    return `v1,${hmac.digest('base64')}`
  })
  return [...headers, 'webhook-signature', signatures.join(' ')]
}

/** Longest id that is written out; beyond it (a long rule id) a digest stands for it. */
const MAX_READABLE = 200

/**
 * What the receiver dedupes by: `EVENT#RULE#ACTION` for one event, for a batch a digest of that. The rule and the place of
 * the action in it are part of it because two actions may tell one receiver different things about one event. The same
 * events of the same action have the same id whenever they are sent, any others another. No full stops: these part id,
 * timestamp and body where they are signed.
 */
export function webhookId(action: string, eventIds: readonly string[]): string {
  if (eventIds.length > 1) return `batch-${digest(`${action}\n${eventIds.join('\n')}`)}`
  const id = `${eventIds[0]!}#${action}`.replaceAll(UNSAFE, escape)
  return id.length <= MAX_READABLE ? id : `event-${digest(id)}`
}

/** What could not stand in a header, or would be taken for a separator. */
const UNSAFE = /[^A-Za-z0-9_:/#-]/gu

function escape(character: string): string {
  return Buffer.from(character).toString('hex').toUpperCase().replaceAll(/../g, '%$&')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
