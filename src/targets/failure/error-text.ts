/** `message` of anything thrown, with the causes inside it: clients wrap what the socket said. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : error.cause
  const text = error.message || error.name
  return inner instanceof Error && inner.message !== '' && !text.includes(inner.message)
    ? `${text}: ${inner.message}`
    : text
}

/** `code` of a Node.js or client error. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * A server's or client's text without what it quotes and without `value`: both may come from a row, and row values do not
 * stand in logs. Names that the rule itself gives are better said by the caller.
 */
export function withoutValues(text: string, value?: string): string {
  const bare = value === undefined || value === '' ? text : text.replaceAll(value, '…')
  return bare.replaceAll(/(?<!\w)'[^']*'(?!\w)|"[^"]*"|`[^`]*`/g, (quoted) => `${quoted[0]}…${quoted[0]}`).slice(0, 300)
}
