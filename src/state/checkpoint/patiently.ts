import type { Log } from '../../model/rule/action.ts'
import { backoffMs } from '../../model/delivery/backoff.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'

/** Between tries to reach a checkpoint store that is down at the start. */
const STORE_RETRY = { minMs: 200, maxMs: 5_000 } as const

/** A store that is down at the start is waited for; one that refuses (corrupt, foreign, locked) ends the start. */
export async function patiently<T>(
  store: { readonly description: string },
  { log, clock }: { readonly log: Log; readonly clock: Clock },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | 'stopped'> {
  for (let attempt = 1; ; attempt += 1) {
    if (signal.aborted) return 'stopped'
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof BingoError) || !error.retryable || signal.aborted) throw error
      const level = attempt < 5 ? 'info' : 'warn'
      log[level](
        { code: error.code, store: store.description, attempt },
        `waiting for the checkpoint store: ${error.message}`,
      )
      await clock.sleep(backoffMs(attempt, STORE_RETRY.minMs, STORE_RETRY.maxMs), signal).catch(() => undefined)
    }
  }
}
