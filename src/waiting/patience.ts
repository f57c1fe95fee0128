import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Log } from '../model/rule/action.ts'
import type { StoreState } from '../model/stats.ts'
import { untilItSucceeds } from '../model/until-it-succeeds.ts'

const MOST_PAUSE_MS = 10_000

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
export function patiently<T>(deps: PatienceDeps, work: () => Promise<T>, always = false): Promise<T> {
  const { clock, signal } = deps
  return untilItSucceeds(
    {
      clock,
      signal,
      mostPauseMs: MOST_PAUSE_MS,
      passes: (error) => always || (error instanceof BingoError && error.retryable),
      waits: (attempt, error) => waits(deps, attempt, error),
      answers: () => answersAgain(deps),
    },
    work,
  )
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
