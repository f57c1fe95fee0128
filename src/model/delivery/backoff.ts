/** Exponential backoff with full jitter: a random wait in [0, min(maxMs, minMs * 2^(attempt-1))]. */
export function backoffMs(attempt: number, minMs: number, maxMs: number, random: () => number = Math.random): number {
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30))
  return Math.round(random() * ceiling)
}
