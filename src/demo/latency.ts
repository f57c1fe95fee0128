/** Milliseconds from the return of COMMIT to the effect. */
export interface Latency {
  readonly p50: number
  readonly p99: number
}

export function latencyOf(samplesMs: readonly number[]): Latency {
  const sorted = samplesMs.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
  return { p50: at(0.5), p99: at(0.99) }
}
