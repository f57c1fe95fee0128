/**
 * JSON in which every value of a row comes back as it was: integers beyond 2^53 are written as digits and read as bigints;
 * a double of that size is written with an exponent, so that it stays one; and the sign of zero is kept.
 */
export function exactJsonOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return numberText(value)
    case 'bigint':
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'object':
      if (value === null) return 'null'
      if (Array.isArray(value)) return `[${value.map(exactJsonOf).join(',')}]`
      return `{${Object.entries(value)
        .flatMap(([key, each]) => (each === undefined ? [] : `${JSON.stringify(key)}:${exactJsonOf(each)}`))
        .join(',')}}`
    default:
      return 'null'
  }
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return '-0.0'
  if (!Number.isFinite(value)) return 'null'
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential() : String(value)
}

/** Longer integers may be beyond 2^53. */
const MAY_BE_LARGE = /\d{16}/
const INTEGER = /^-?\d+$/

/** Throws for a text that is not JSON. */
export function parseExact(text: string): unknown {
  // The parser that shows how a number was written is several times slower, and most rows have no such number.
  return MAY_BE_LARGE.test(text) ? JSON.parse(text, withBigints) : JSON.parse(text)
}

function withBigints(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const written = context?.source ?? ''
  return INTEGER.test(written) ? BigInt(written) : value
}
