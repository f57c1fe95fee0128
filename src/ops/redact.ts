/** Shorter secrets would blank out ordinary words. */
const MIN_SECRET_LENGTH = 4
const MAX_DEPTH = 6
const HIDDEN = '***'

const CREDENTIALS_IN_URL = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*@/gi
const AUTHORIZATION = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi
const SECRET_NAME = /^(password|passwd|secret|secrets|token|authorization|apikey|api_key|private_?key|nkey)$/i

export type Redact = (value: unknown) => unknown

/**
 * Takes secrets out of whatever is about to be printed: credentials in URLs, bearer tokens, values under telling names,
 * and the given secrets wherever they stand. Answers a copy.
 */
export function createRedactor(secrets: readonly string[]): Redact {
  const known = secrets.flatMap((secret) => [secret, encodeURIComponent(secret)])
  const longestFirst = [...new Set(known)]
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .sort((a, b) => b.length - a.length)
  const redactText = (text: string): string => {
    let result = text
    for (const secret of longestFirst) result = result.replaceAll(secret, HIDDEN)
    return redactUrls(result).replaceAll(AUTHORIZATION, `$1 ${HIDDEN}`)
  }
  const redact = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return redactText(value)
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    if (depth >= MAX_DEPTH) return '[…]'
    if (value instanceof Error) return redact(errorFields(value), depth + 1)
    if (value instanceof Date) return value
    if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1))
    const copy: { [key: string]: unknown } = {}
    for (const [key, item] of Object.entries(value))
      copy[key] = SECRET_NAME.test(key) ? HIDDEN : redact(item, depth + 1)
    return copy
  }
  return (value) => redact(value, 0)
}

/** `redis://user:secret@host` as `redis://***@host`. */
export function redactUrls(text: string): string {
  return text.replaceAll(CREDENTIALS_IN_URL, `$1${HIDDEN}@`)
}

function errorFields(error: Error): object {
  const { code, hint } = error as { code?: unknown; hint?: unknown }
  return {
    ...(code !== undefined && { code }),
    message: error.message,
    ...(hint !== undefined && { hint }),
    ...(error.cause instanceof Error && { cause: error.cause.message }),
  }
}
