import type { OutboxCounters } from '../../model/event/posted/outbox-counters.ts'
import type { Stats } from '../../model/stats.ts'
import type { Instruments } from './instruments.ts'

const COUNTERS: readonly (readonly [string, string, (outbox: OutboxCounters) => number])[] = [
  ['bingo_outbox_events_total', 'Rows of the outbox that made an event', ({ eventsTotal }) => eventsTotal],
  ['bingo_outbox_marked_total', 'Rows of the outbox that BinGo marked', ({ markedTotal }) => markedTotal],
  ['bingo_outbox_deleted_total', 'Rows of the outbox that BinGo deleted', ({ deletedTotal }) => deletedTotal],
  [
    'bingo_outbox_write_failures_total',
    'Rows of the outbox that BinGo could neither mark nor delete',
    ({ failedTotal }) => failedTotal,
  ],
]

/** Of the tables in `outbox:`. */
export function addOutboxMetrics(instruments: Instruments, { outboxes }: Stats): void {
  for (const [name, help, read] of COUNTERS) {
    instruments.counter(name, help, ['outbox'], () =>
      [...outboxes].map(([outbox, counters]) => [{ outbox }, read(counters)]),
    )
  }
  instruments.gauge(
    'bingo_outbox_queue_size',
    'Rows of the outbox that were read and whose event has not ended',
    ['outbox'],
    () => [...outboxes].map(([outbox, { unfinished }]) => [{ outbox }, unfinished]),
  )
}
