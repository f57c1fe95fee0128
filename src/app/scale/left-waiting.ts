import type { WaitingStore } from '../../model/delivery/waiting.ts'
import type { Log } from '../../model/rule/action.ts'

/**
 * What waits under the name of the instance was read by one process that did everything, and is for such a one: workers have
 * shares of their own. Says so; a store that is down is said by those who need it.
 */
export async function warnOfWaiting(store: Pick<WaitingStore, 'lines'>, log: Log): Promise<void> {
  const lines = await store.lines().catch(() => [])
  const events = lines.reduce((sum, { count }) => sum + count, 0)
  if (events === 0) return
  const fields = { code: 'BINGO_SCALE_WAITING', events, lines: lines.map(({ line }) => line) }
  log.warn(
    fields,
    'events wait that one process has read, and workers do not deliver them: run it without --role until none waits',
  )
}
