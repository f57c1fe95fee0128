import type { Clock } from '../model/clock.ts'
import type { Deliveries } from '../model/delivery/deliveries.ts'
import type { LookupReader } from '../model/delivery/lookup-reader.ts'
import type { WaitingState } from '../model/stats.ts'
import type { WaitingLines } from '../waiting/lines.ts'
import type { Router } from './router.ts'

const POLL_MS = 5
/** A stop waits no longer for targets that were down all the while: what they miss is replayed in any case. */
const DOWN_PATIENCE_MS = 1_000

/** Where something may be on its way when nothing more comes in. */
export interface Draining {
  readonly router: Pick<Router, 'flushWindows' | 'preparing'>
  readonly deliveries: Pick<Deliveries, 'drained' | 'onlyDownLeft'>
  readonly lines: Pick<WaitingLines, 'idle'>
  readonly lookups: Pick<LookupReader, 'onlyDownLeft'>
  readonly waiting: Pick<WaitingState, 'blockedSince'>
  readonly clock: Clock
}

/** Lets everything that was read end, within the deadline. Answers whether all of it did. */
export async function drain(draining: Draining, deadlineMs: number, giveUp: AbortSignal): Promise<boolean> {
  const { router, deliveries, lines, lookups, waiting, clock } = draining
  const isDone = (): boolean => deliveries.drained && lines.idle && router.preparing === 0
  const deadline = clock.monotonicMs() + deadlineMs
  let hopefulAt = clock.monotonicMs()
  while (!isDone() && !giveUp.aborted) {
    const now = clock.monotonicMs()
    const isWriting = !lines.idle && waiting.blockedSince === 0
    if (isWriting || (!deliveries.onlyDownLeft && !lookups.onlyDownLeft)) hopefulAt = now
    // What its lookups let into a window after the others were flushed.
    if (router.preparing > 0) router.flushWindows()
    if (now >= deadline || now - hopefulAt >= DOWN_PATIENCE_MS) break
    await clock.sleep(POLL_MS)
  }
  return isDone()
}
