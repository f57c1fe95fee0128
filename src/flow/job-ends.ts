import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { JobEnd, JobObserver } from '../model/delivery/job-observer.ts'
import type { BackPressure } from './back-pressure.ts'
import type { RuleCounters } from './rule-counters.ts'

/** What is counted, given back and told when a job leaves memory, whatever became of it. */
export class JobEnds {
  private readonly rules: RuleCounters
  private readonly backPressure: Pick<BackPressure, 'release'>
  /** Jobs do not know their source: each observer knows what it saw begin. */
  private readonly observers: readonly JobObserver[]

  constructor(rules: RuleCounters, backPressure: Pick<BackPressure, 'release'>, observers: readonly JobObserver[]) {
    this.rules = rules
    this.backPressure = backPressure
    this.observers = observers
  }

  ended(job: InFlightJob, delivered: boolean): void {
    if (delivered) this.rules.of(job.action.rule.id).deliveredTotal += job.count
    this.leave(job, delivered ? 'delivered' : 'dead letter')
  }

  /** It ended up inside a newer one. */
  superseded(job: InFlightJob): void {
    this.rules.of(job.action.rule.id).coalescedTotal += 1
    this.leave(job, 'superseded')
  }

  /** Its `when` does not hold, or it was a cancellation that found nothing: it ends before it came to a lane. */
  skipped(job: InFlightJob): void {
    job.end()
    this.leave(job, 'superseded')
  }

  /** It waits in the store from now on. */
  stored(job: InFlightJob): void {
    job.end()
    this.leave(job, 'waiting')
  }

  /** It left memory, and its record stays in its line. */
  unloaded(job: InFlightJob): void {
    this.leave(job, 'waiting')
  }

  private leave(job: InFlightJob, end: JobEnd): void {
    if (this.observers.length > 0) for (const observer of this.observers) observer.ended(job, end)
    this.backPressure.release(job)
  }
}
