import type { DeliveryFailure } from '../../model/rule/action.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { SampledLines } from '../../model/sampled-log.ts'

/** A lane's next try. */
export interface Retry {
  readonly job: InFlightJob
  readonly failure: DeliveryFailure
  /** Of the lane, in a row. */
  readonly failures: number
  readonly waitMs: number
}

const SECOND_MS = 1_000
const LONG = 5
const VERY_LONG = 10

/** The end of what `logRetry` told: the job that failed was taken. */
export function logRecovery(log: SampledLines, target: string, job: InFlightJob, attempts: number, ms: number): void {
  const fields = { rule: job.action.rule.id, action: job.action.type, target, event: job.id, attempt: attempts, ms }
  log.write(
    'info',
    fields,
    `recovered after ${attempts} attempts / ${ms < SECOND_MS ? `${ms} ms` : `${Math.round(ms / SECOND_MS)} s`}`,
    'recovered',
  )
}

/** The level follows how long the trouble lasts. */
export function logRetry(log: SampledLines, target: string, { job, failure, failures, waitMs }: Retry): void {
  const level = failures < LONG ? 'info' : failures < VERY_LONG ? 'warn' : 'error'
  log.write(
    level,
    {
      rule: job.action.rule.id,
      action: job.action.type,
      target,
      code: failure.error.code,
      err: failure.error.message,
      attempt: failures,
      retryMs: waitMs,
    },
    'retrying',
  )
}
