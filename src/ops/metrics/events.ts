import type { EventCounters } from '../../model/event/posted/event-counters.ts'
import type { Instruments, Labelled } from './instruments.ts'

/** Name, help, labels, values. */
const COUNTERS: readonly (readonly [string, string, string[], (events: EventCounters) => Labelled])[] = [
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

const GAUGES: readonly (readonly [string, string, (events: EventCounters, now: number) => number | undefined])[] = [
  ['bingo_event_queue_size', 'Posted events in the log that are not finished', ({ queue }) => queue?.size],
  [
    'bingo_event_queue_lag_seconds',
    'Age in the log of the oldest posted event that is being processed',
    ({ queue }, now) => queue && (queue.oldestAt === null ? 0 : Math.max(0, now - queue.oldestAt) / 1_000),
  ],
]

/** Of posted events, where they are taken in. */
export function addEventMetrics(instruments: Instruments, events: EventCounters, now: () => number): void {
  for (const [name, help, labels, read] of COUNTERS) instruments.counter(name, help, labels, () => read(events))
  for (const [name, help, read] of GAUGES) instruments.value(name, help, () => read(events, now()))
  instruments.times(
    'bingo_event_processing_duration_seconds',
    'Time from the event log to the end of the last action of an event, in seconds',
    [],
    () => [[{}, events.processing]],
  )
}

function publishedValues({ published }: EventCounters): Labelled {
  return [...published].flatMap(([source, types]) =>
    [...types].map(([type, count]): Labelled[number] => [{ source, type }, count]),
  )
}

function consumedValues({ consumed }: EventCounters): Labelled {
  return [...consumed].flatMap(([source, types]) =>
    [...types].flatMap(([type, statuses]) =>
      [...statuses].map(([status, count]): Labelled[number] => [{ source, type, status }, count]),
    ),
  )
}
