import type { Change } from '../event/change.ts'
import type { Rule } from '../rule/rule.ts'
import type { InFlightJob } from './in-flight-job.ts'

/** `waiting`: it has left memory for a store, from which another job is made that ends for it. */
export type JobEnd = 'delivered' | 'dead letter' | 'superseded' | 'waiting'

/** Is told what becomes of the events of one source. Everything is told as it happens, and must cost next to nothing. */
export interface JobObserver {
  matched(rule: Rule, change: Change): void
  /** After `matched`, before the group ends. */
  began(job: InFlightJob): void
  /** Once for each that began. */
  ended(job: InFlightJob, end: JobEnd): void
}
