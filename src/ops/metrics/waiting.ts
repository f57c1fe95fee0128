import { DELAY_PREFIX, RULE_PREFIX, SPOOL_PREFIX } from '../../model/delivery/waiting.ts'
import type { Stats, WaitingLineState } from '../../model/stats.ts'
import type { Instruments } from './instruments.ts'

/** What waits in the store, by what it waits for. */
export function addWaitingGauges(
  instruments: Instruments,
  { waiting }: Pick<Stats, 'waiting'>,
  now: () => number,
): void {
  const ofLines = (
    [name, help]: readonly [string, string],
    label: string,
    prefix: string,
    read: (line: WaitingLineState) => number,
  ): void =>
    instruments.gauge(name, help, [label], () =>
      [...waiting.lines]
        .filter(([line]) => line.startsWith(prefix))
        .map(([line, state]) => [{ [label]: line.slice(prefix.length) }, read(state)] as const),
    )
  const delayed = ['bingo_delayed', 'Events of the rule that wait in the store for its delay'] as const
  ofLines(delayed, 'rule', DELAY_PREFIX, ({ count }) => count)
  const spool = (name: string, help: string, read: (line: WaitingLineState) => number): void =>
    ofLines([name, help], 'target', SPOOL_PREFIX, read)
  spool('bingo_spool_events', 'Events that wait in the store for the target', ({ count }) => count)
  spool('bingo_spool_bytes', 'Bytes of the events that wait in the store for the target', ({ bytes }) => bytes)
  spool(
    'bingo_spool_oldest_seconds',
    'Age of the first event that waits in the store for the target',
    ({ oldestMs }) => Math.max(0, now() - oldestMs) / 1_000,
  )
  const suspended = [
    'bingo_rule_suspended_events',
    'Events that wait in the store because their rule is suspended: it fails for all of them',
  ] as const
  ofLines(suspended, 'rule', RULE_PREFIX, ({ count }) => count)
  instruments.value(
    'bingo_waiting_blocked',
    '1 while the store of waiting events is full or unavailable and events wait in memory for it',
    () => Number(waiting.blockedSince > 0),
  )
}
