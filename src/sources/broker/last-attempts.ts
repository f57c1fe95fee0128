import type { Clock } from '../../model/clock.ts'
import { withDeadline } from '../../model/with-deadline.ts'

/** All attempts together. */
const LAST_MS = 3_000
const PAUSE_MS = 100

/**
 * Repeats what says false until it succeeds, for a while: before a stop nothing comes later that would take along what a
 * broken connection, or a group that moves, has refused, and what is not acknowledged is delivered again. False: it has not
 * succeeded.
 */
export async function lastAttempts(attempt: () => Promise<boolean>, clock: Clock): Promise<boolean> {
  const ended = new AbortController()
  const attempts = async (): Promise<boolean> => {
    while (!ended.signal.aborted) {
      if (await attempt()) return true
      await clock.sleep(PAUSE_MS, ended.signal).catch(() => undefined)
    }
    return false
  }
  try {
    return await withDeadline(attempts(), LAST_MS, clock)
  } catch {
    return false
  } finally {
    ended.abort()
  }
}
