/** Upper bounds of the buckets, in seconds. */
export const BUCKETS_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

/** How long something took, each time: plain counters, so that one more costs an increment. */
export class DurationHistogram {
  /** Per bucket, not cumulated; the last one is of what exceeds all bounds. */
  readonly counts: number[] = Array.from({ length: BUCKETS_SECONDS.length + 1 }, () => 0)
  sumSeconds = 0

  observe(ms: number): void {
    const seconds = ms / 1_000
    this.sumSeconds += seconds
    let bucket = 0
    while (bucket < BUCKETS_SECONDS.length && seconds > BUCKETS_SECONDS[bucket]!) bucket += 1
    this.counts[bucket]! += 1
  }
}
