import type { RunningEvents } from '../app/events/open-events.ts'
import type { EventRecord } from '../model/event/posted/event-record.ts'
import type { StopResult } from './contract.ts'
import type { BrokerSettings } from './options.ts'

const PAGE = 1_000

/** What a stop gives back: the events of a store in memory, oldest first; of any other one their number. */
export async function leftOf(
  events: RunningEvents,
  { isInMemory }: Pick<BrokerSettings, 'isInMemory'>,
  pending: number,
): Promise<StopResult> {
  if (!isInMemory) return { left: pending, events: [] }
  await events.flush()
  const left: EventRecord[] = []
  for (const status of ['pending', 'processing'] as const) {
    let cursor: string | undefined
    do {
      const page = await events.provider.list({ status, limit: PAGE, cursor })
      left.push(...page.events)
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
  }
  left.sort((one, other) => one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1))
  return { left: left.length, events: left }
}
