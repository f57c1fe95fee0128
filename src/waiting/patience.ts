import { backoffMs } from '../model/delivery/backoff.ts'
import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Log } from '../model/rule/action.ts'
import type { StoreState } from '../model/stats.ts'

/** Between tries to reach a store that is down or full. */
const STORE_RETRY = { minMs: 200, maxMs: 10_000 } as const

export interface PatienceDeps {
  readonly store: { readonly description: string }
  /** `dead-letter store`, as the log says it. */
  readonly name: string
  /** Where the error has no code of its own. */
  readonly code: string
  readonly state: StoreState
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Repeats until it succeeds, and says so in the log and in the state. Rejects when aborted, or when the store refuses for
 * good; `always`: whatever the error, because the events have nowhere else to go.
 */
export async function patiently<T>(deps: PatienceDeps, work: () => Promise<T>, always = false): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await work()
      if (attempt > 1) answersAgain(deps)
      return result
    } catch (error) {
      const retryable = always || (error instanceof BingoError && error.retryable)
      if (deps.signal.aborted || !retryable) throw error
      waits(deps, attempt, error)
      await deps.clock.sleep(backoffMs(attempt, STORE_RETRY.minMs, STORE_RETRY.maxMs), deps.signal)
    }
  }
}

function waits({ state, clock, store, name, log, ...deps }: PatienceDeps, attempt: number, error: unknown): void {
  const code = error instanceof BingoError ? error.code : deps.code
  const err = error instanceof Error ? error.message : String(error)
  if (state.blockedSince === 0) state.blockedSince = clock.now()
  state.blockedBy = { code, message: err }
  const level = attempt < 5 ? 'warn' : 'error'
  const hint = error instanceof BingoError ? error.hint : undefined
  log[level]({ code, store: store.description, attempt, err, hint }, `${name} unavailable or full; delivery waits`)
}

function answersAgain({ state, clock, store, name, log }: PatienceDeps): void {
  if (state.blockedSince === 0) return
  const ms = clock.now() - state.blockedSince
  state.blockedSince = 0
  state.blockedBy = null
  log.info({ store: store.description, ms }, `${name} accepts entries again`)
}
