import type { SagaCounters } from '../../model/saga/counters.ts'
import type { Stats } from '../../model/stats.ts'
import type { Instruments } from './instruments.ts'

/** None before the first saga runs, which may be long after the start. */
export function addSagaMetrics(instruments: Instruments, stats: Pick<Stats, 'sagas'>): void {
  const ofAll = <T>(read: (sagas: SagaCounters) => readonly T[]): readonly T[] =>
    stats.sagas === null ? [] : read(stats.sagas)
  instruments.gauge(
    'bingo_sagas',
    'Sagas by status, of a moment ago; those that have ended until they are removed',
    ['saga', 'status'],
    () => ofAll(({ counts }) => counts.map(({ saga, status, count }) => [{ saga, status }, count])),
  )
  instruments.times(
    'bingo_saga_duration_seconds',
    'Time from the start of a saga to its end, by how it ended',
    ['saga', 'status'],
    () =>
      ofAll(({ durations }) =>
        [...durations].flatMap(([saga, byStatus]) =>
          [...byStatus].map(([status, histogram]) => [{ saga, status }, histogram] as const),
        ),
      ),
  )
  instruments.counter('bingo_sagas_started_total', 'Sagas started', [], () =>
    ofAll(({ startedTotal }) => [[{}, startedTotal]]),
  )
  instruments.counter(
    'bingo_saga_signals_ignored_total',
    'Events for a saga that changed nothing: repeated, too late, or of no instance',
    [],
    () => ofAll(({ ignoredTotal }) => [[{}, ignoredTotal]]),
  )
  instruments.counter('bingo_saga_commands_total', 'Commands of sagas, by what the target answered', ['outcome'], () =>
    ofAll(({ commandsTotal }) => Object.entries(commandsTotal).map(([outcome, count]) => [{ outcome }, count])),
  )
  instruments.gauge('bingo_saga_commands_in_flight', 'Commands of sagas that were sent and have no answer', [], () =>
    ofAll(({ inFlight }) => [[{}, inFlight]]),
  )
}
