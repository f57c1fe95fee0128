/** Longer pauses than this are a mistake of the server; the retry policy clamps further. */
const MAX_MS = 24 * 60 * 60 * 1000

/** The pause that a Retry-After header asks for, in either form (RFC 9110 section 10.2.3); undefined where it has none. */
export function retryAfterMs(header: string | readonly string[] | undefined, nowMs: number): number | undefined {
  const text = (typeof header === 'string' ? header : header?.[0])?.trim()
  if (text === undefined || text === '') return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_MS)
}
