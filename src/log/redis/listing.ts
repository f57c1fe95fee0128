import type { EventFilter, EventPage } from '../../model/state/event-provider.ts'
import { filterOf } from '../filter.ts'
import { placeNumber } from '../places.ts'
import { recordOf } from '../posting.ts'
import type { Kept } from '../posting.ts'
import type { EventRedis } from './connection.ts'
import { storedEvent } from './rows.ts'
import { LIST } from './scripts.ts'

/** Events that one script looks at: it holds up the server while it runs. */
const LOOKED_AT = 200

export async function listEvents(filter: EventFilter, redis: EventRedis): Promise<EventPage> {
  const { status = '', since = '', until = '', limit } = filter
  const fits = filterOf(filter)
  const found: Kept[] = []
  let before = filter.cursor === undefined ? '' : String(placeNumber(filter.cursor))
  do {
    const [last, ...values] = (await redis.run(LIST, [before, LOOKED_AT, status, since, until])) as string[]
    for (let i = 0; i < values.length && found.length <= limit; i += 3) {
      const { kept } = storedEvent(values[i]!, values[i + 1]!, values[i + 2]!)
      if (fits(recordOf(kept))) found.push(kept)
    }
    before = last!
  } while (before !== '' && found.length <= limit)
  const page = found.slice(0, limit)
  const next = found.length > page.length ? page.at(-1)?.seq : undefined
  return { events: page.map(recordOf), next: next === undefined ? null : String(next) }
}
