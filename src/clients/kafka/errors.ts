/** Causes inside lists of failed tries inside causes. */
const MAX_DEPTH = 12

/** Name of the protocol error somewhere inside what the client threw. */
export function protocolErrorOf(error: unknown, depth = MAX_DEPTH): string | undefined {
  if (typeof error !== 'object' || error === null || depth === 0) return undefined
  if ('apiId' in error && typeof error.apiId === 'string') return error.apiId
  if ('code' in error && error.code === 'PLT_KFK_AUTHENTICATION') return 'SASL_AUTHENTICATION_FAILED'
  for (const inner of inside(error)) {
    const found = protocolErrorOf(inner, depth - 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** What the last try failed of, at the bottom. */
export function deepestMessageOf(error: unknown, depth = MAX_DEPTH): string {
  const inner = inside(error).at(-1)
  if (inner !== undefined && depth > 0) return deepestMessageOf(inner, depth - 1)
  return error instanceof Error && error.message !== '' ? error.message : String(error)
}

function inside(error: unknown): readonly unknown[] {
  const inner: unknown[] = error instanceof AggregateError ? [...error.errors] : []
  if (error instanceof Error && error.cause !== undefined) inner.push(error.cause)
  return inner
}
