import { BUCKETS_SECONDS } from '../model/delivery/duration-histogram.ts'
import type { Stats } from '../model/stats.ts'

export const SEND_TIMES = 'bingo_target_send_duration_seconds'

interface MetricValue {
  readonly metricName: string
  readonly labels: { readonly [label: string]: string }
  readonly value: number
}

/** The lines of the histogram of how long sends took. */
export function sendTimeValues({ targets }: Stats): readonly MetricValue[] {
  const values: MetricValue[] = []
  for (const [target, { type, counters }] of targets) {
    const { sendTimes } = counters
    const labels = { target, type }
    let count = 0
    for (const [i, times] of sendTimes.counts.entries()) {
      count += times
      const le = String(BUCKETS_SECONDS[i] ?? '+Inf')
      values.push({ metricName: `${SEND_TIMES}_bucket`, labels: { ...labels, le }, value: count })
    }
    values.push({ metricName: `${SEND_TIMES}_sum`, labels, value: sendTimes.sumSeconds })
    values.push({ metricName: `${SEND_TIMES}_count`, labels, value: count })
  }
  return values
}

/** Failed attempts by target and error code. */
export function failureValues({ targets }: Stats): readonly [{ readonly [label: string]: string }, number][] {
  return [...targets].flatMap(([target, { type, counters }]) =>
    [...counters.failures].map(([code, count]): [{ target: string; type: string; code: string }, number] => [
      { target, type, code },
      count,
    ]),
  )
}
