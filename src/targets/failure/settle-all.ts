import { systemClock, type Clock } from '../../model/clock.ts'
import { DeadlineError } from '../../model/with-deadline.ts'

/** What a promise was rejected with. */
export interface Rejection {
  readonly reason: unknown
}

/** Calls the function once something has happened that all who wait must know; answers what ends that. */
export type OnCutOff = (cutOff: (reason: unknown) => void) => () => void

/**
 * What became of each: null where it was fulfilled. What is pending after `ms` counts as rejected with DeadlineError, and
 * what is pending when `onCutOff` calls, with its reason; what was settled before stays so. One timer for all of them.
 */
export function settleAll(
  works: readonly Promise<unknown>[],
  ms: number,
  onCutOff: OnCutOff = () => () => undefined,
  clock: Pick<Clock, 'after'> = systemClock,
): Promise<readonly (Rejection | null)[]> {
  const { promise, resolve } = Promise.withResolvers<readonly (Rejection | null)[]>()
  const outcomes = Array.from<Rejection | null | undefined>({ length: works.length })
  let pending = works.length
  const settle = (at: number, outcome: Rejection | null): void => {
    if (outcomes[at] !== undefined) return
    outcomes[at] = outcome
    pending -= 1
    if (pending === 0) end()
  }
  const cutOff = (reason: unknown): void => {
    for (let at = 0; at < works.length; at++) settle(at, { reason })
  }
  const timer = clock.after(ms, () => cutOff(new DeadlineError(ms)))
  const forget = onCutOff(cutOff)
  const end = (): void => {
    timer.cancel()
    forget()
    resolve(outcomes as (Rejection | null)[])
  }
  for (const [at, work] of works.entries()) {
    work.then(
      () => settle(at, null),
      (reason: unknown) => settle(at, { reason }),
    )
  }
  if (pending === 0) end()
  return promise
}
