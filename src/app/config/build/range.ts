import { report, type Reported } from './options.ts'

/** Two settings of which one is the least and the other the most. */
export function rangeOf(options: Reported, min: RangePath, max: RangePath): { minMs: number; maxMs: number } {
  const minMs = options.values[min]!
  const maxMs = options.values[max]!
  if (minMs > maxMs) {
    report(options, min, 'BINGO_CONFIG_VALUE', `${min} (${minMs} ms) exceeds ${max} (${maxMs} ms)`, {
      hint: `Make ${max} at least as long.`,
    })
  }
  return { minMs, maxMs }
}
type RangePath = 'source.reconnect.min' | 'source.reconnect.max' | 'delivery.retry.min' | 'delivery.retry.max'
