import { BUCKETS_SECONDS, type DurationHistogram } from '../model/delivery/duration-histogram.ts'
import type { EventCounters } from '../model/event/event-counters.ts'

export const PROCESSING_TIMES = 'bingo_event_processing_duration_seconds'
export const PROCESSING_TIMES_HELP = 'Time from the event log to the end of the last action of an event, in seconds'

type Values = readonly (readonly [labels: { [name: string]: string }, value: number])[]

/** Counters of posted events: name, help, labels, values. */
export const EVENT_COUNTERS: readonly (readonly [string, string, string[], (events: EventCounters) => Values])[] = [
  ['bingo_events_published_total', 'Posted events that were stored', ['source', 'type'], publishedValues],
  [
    'bingo_events_consumed_total',
    'Posted events whose last action has ended, by how they ended',
    ['source', 'type', 'status'],
    consumedValues,
  ],
  [
    'bingo_event_publish_failures_total',
    'Posts that were refused or could not be stored, by error code',
    ['code'],
    ({ failures }) => [...failures].map(([code, count]) => [{ code }, count]),
  ],
  [
    'bingo_event_conflicts_total',
    'Posts of a stored id with other content, which was dropped',
    [],
    ({ conflictsTotal }) => [[{}, conflictsTotal]],
  ],
]

export const EVENT_GAUGES: readonly (readonly [
  string,
  string,
  (events: EventCounters, now: number) => number | undefined,
])[] = [
  ['bingo_event_queue_size', 'Posted events in the log that are not finished', ({ queue }) => queue?.size],
  [
    'bingo_event_queue_lag_seconds',
    'Age in the log of the oldest posted event that is being processed',
    ({ queue }, now) => queue && (queue.oldestAt === null ? 0 : Math.max(0, now - queue.oldestAt) / 1_000),
  ],
]

function publishedValues({ published }: EventCounters): Values {
  return [...published].flatMap(([source, types]) =>
    [...types].map(([type, count]): Values[number] => [{ source, type }, count]),
  )
}

function consumedValues({ consumed }: EventCounters): Values {
  return [...consumed].flatMap(([source, types]) =>
    [...types].flatMap(([type, statuses]) =>
      [...statuses].map(([status, count]): Values[number] => [{ source, type, status }, count]),
    ),
  )
}

interface MetricValue {
  readonly metricName: string
  readonly labels: { readonly [label: string]: string }
  readonly value: number
}

/** The lines of a histogram without labels. */
export function histogramValues(name: string, { counts, sumSeconds }: DurationHistogram): readonly MetricValue[] {
  let count = 0
  const buckets = counts.map((times, i) => {
    count += times
    return { metricName: `${name}_bucket`, labels: { le: String(BUCKETS_SECONDS[i] ?? '+Inf') }, value: count }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sumSeconds },
    { metricName: `${name}_count`, labels: {}, value: count },
  ]
}
