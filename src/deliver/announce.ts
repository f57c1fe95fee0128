import type { Target } from '../model/rule/action.ts'
import { backoffMs } from '../model/delivery/backoff.ts'
import type { Clock } from '../model/clock.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'

/** Between tries to tell a target that is out of reach. */
const RETRY = { minMs: 100, maxMs: 5_000 } as const

/**
 * Tells the target, where it wants to know, which jobs are about to become dead letters: it may have taken some of them.
 * Waits while it is out of reach; rejects when aborted.
 */
export async function announceDeadLetters(
  target: Target | null,
  jobs: readonly InFlightJob[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const sendable = jobs.filter((job) => job.failure === null)
  if (target?.beforeDeadLetter === undefined || sendable.length === 0) return
  for (let attempt = 1; ; attempt += 1) {
    try {
      await target.beforeDeadLetter(sendable)
      return
    } catch {
      await clock.sleep(backoffMs(attempt, RETRY.minMs, RETRY.maxMs), signal)
    }
  }
}
