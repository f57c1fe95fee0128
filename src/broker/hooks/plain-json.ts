/** Deeper values are refused by the broker. */
const MOST_DEPTH = 100

/** What JSON.stringify would write, with integers of any size: dates as ISO 8601, bytes as Base64, decimals as their text. */
export function plainJson(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (depth > MOST_DEPTH) throw new RangeError(`a value is nested deeper than ${MOST_DEPTH} levels`)
  const { toJSON } = value as { readonly toJSON?: unknown }
  if (typeof toJSON === 'function') return plainJson((toJSON as () => unknown).call(value), depth + 1)
  if (Array.isArray(value)) return value.map((each) => plainJson(each, depth + 1) ?? null)
  const entries = Object.entries(value).map(([name, each]) => [name, plainJson(each, depth + 1)] as const)
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined))
}
