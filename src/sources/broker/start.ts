/** Where a first start begins. */
export type BrokerStart =
  | { readonly tag: 'earliest' }
  | { readonly tag: 'latest' }
  | { readonly tag: 'time'; readonly ms: number }

/** `earliest`, `latest` or ISO 8601 with a zone; undefined: none of them. */
export function parseBrokerStart(text: string): BrokerStart | undefined {
  if (text === 'earliest' || text === 'latest') return { tag: text }
  if (!/^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined
  const ms = Date.parse(text)
  return ms >= 0 ? { tag: 'time', ms } : undefined
}
