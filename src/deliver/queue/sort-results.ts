import { backoffMs } from '../../model/delivery/backoff.ts'
import type { DeliveryFailure } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { Undelivered } from '../undelivered.ts'
import { type Attempt, parkedKey } from '../../model/delivery/dead-letter.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'

/** The part of a send that belongs to one lane: jobs `[from, to)` of the batch. */
export interface Segment {
  readonly lane: number
  readonly from: number
  readonly to: number
}

/** What becomes of the jobs of one lane after a send. */
export interface SortedResults {
  /** Acknowledged. */
  readonly ended: InFlightJob[]
  /** To be sent again, in order. */
  readonly kept: InFlightJob[]
  /** Never to be sent again. */
  readonly givenUp: InFlightJob[]
  /** The failure that decides how long the kept ones wait, with its job; null when only the target was down. */
  retry: { readonly job: InFlightJob; readonly failure: DeliveryFailure } | null
}

/** Sorts the results of one lane of a send and notes the attempts of what failed. */
export function sortResults(
  batch: readonly InFlightJob[],
  { from, to }: Segment,
  result: readonly (DeliveryFailure | null)[],
  isGivenUp: Undelivered['isGivenUp'],
): SortedResults {
  const sorted: SortedResults = { ended: [], kept: [], givenUp: [], retry: null }
  const keptRows = new Set<string>()
  const parkedRows = new Set<string>()
  const keep = (job: InFlightJob): void => {
    sorted.kept.push(job)
    keptRows.add(job.key)
  }
  for (let i = from; i < to; i++) {
    const job = batch[i]!
    const failure = result[i] ?? null
    // A later job of a row whose earlier one failed is sent again after it, so that the newest state wins (invariant 2):
    // here, or from the dead letters, where it then joins the earlier one.
    if (isBehind(job, keptRows, parkedRows)) {
      keep(job)
    } else if (failure === null) {
      sorted.ended.push(job)
    } else if (isGivenUp(job, failure)) {
      sorted.givenUp.push(job)
      if (job.action.onFailure === 'park') parkedRows.add(parkedKey(job.action.rule.id, job.key))
    } else {
      if (failure.kind !== 'down' && asksForMore(failure, sorted.retry)) sorted.retry = { job, failure }
      keep(job)
    }
  }
  return sorted
}

function isBehind(job: InFlightJob, keptRows: ReadonlySet<string>, parkedRows: ReadonlySet<string>): boolean {
  // Most sends fail whole or not at all: names of rows are made only where they are compared.
  if (keptRows.size > 0 && keptRows.has(job.key)) return true
  return parkedRows.size > 0 && parkedRows.has(parkedKey(job.action.rule.id, job.key))
}

/** Notes the attempt; true when this job is given up by its rule's `retry` and `onFailure`. */
export function isGivenUp(
  job: InFlightJob,
  failure: DeliveryFailure,
  clock: Pick<Clock, 'now' | 'monotonicMs'>,
): boolean {
  if (failure.kind === 'down') return false
  const { retry, onFailure } = job.action
  if (job.attempts === null) job.failingSinceMs = clock.monotonicMs()
  const attempts = noteAttempt(job, failure, clock.now())
  if (onFailure === 'block') return false
  if (failure.kind === 'poison') return true
  const age = clock.monotonicMs() - job.failingSinceMs
  return attempts.length >= retry.attempts || age >= retry.maxAgeMs
}

/** What the receiver said is kept of the last attempt only: there may be very many. */
function noteAttempt(
  job: InFlightJob,
  { error: { code, message }, answer }: DeliveryFailure,
  at: number,
): readonly Attempt[] {
  const attempts = (job.attempts ??= [])
  const last = attempts.pop()
  if (last !== undefined) attempts.push({ at: last.at, code: last.code, message: last.message })
  attempts.push({ at, code, message, ...(answer && { answer }) })
  return attempts
}

/** The longest pause that the target asked for counts, else the first failure. */
function asksForMore(failure: DeliveryFailure, than: SortedResults['retry']): boolean {
  return than === null || (failure.retryAfterMs ?? 0) > (than.failure.retryAfterMs ?? 0)
}

/** Milliseconds until the next try, after so many failed ones in a row. Retry-After is honoured up to `retry.max`. */
export function retryWaitMs(job: InFlightJob, failure: DeliveryFailure, failures: number): number {
  const { retry } = job.action
  if (failure.retryAfterMs !== undefined) return Math.min(failure.retryAfterMs, retry.maxMs)
  return Math.max(1, backoffMs(failures, retry.minMs, retry.maxMs))
}
