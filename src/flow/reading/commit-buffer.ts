import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { RuleCounters } from '../rule-counters.ts'

/** A transaction is kept back until its commit was read, up to this size; a larger one is acted on as it comes in. */
const TRANSACTION_BUFFER_BYTES = 4 * 1024 * 1024

/** Takes committed jobs to where they wait (flow/router.ts). */
export interface JobRoute {
  route(job: InFlightJob): void
}

/** Keeps the jobs of a transaction until its commit was read, so that nothing uncommitted is delivered (invariant 3). */
export class CommitBuffer {
  private readonly limitBytes: number
  private readonly rules: RuleCounters
  private readonly router: JobRoute
  private jobs: InFlightJob[] = []
  private bytes = 0
  private lastLetGo = -1

  constructor(budgetBytes: number, rules: RuleCounters, router: JobRoute) {
    this.rules = rules
    this.limitBytes = Math.min(TRANSACTION_BUFFER_BYTES, budgetBytes / 8)
    this.router = router
  }

  /** Ordinal of the newest row let go before the transaction's end, which has outgrown the buffer; -1 = none. */
  get deliveredSeq(): number {
    return this.lastLetGo
  }

  add(job: InFlightJob): void {
    if (this.lastLetGo >= 0) {
      this.lastLetGo = job.lastSeq
      this.route(job)
      return
    }
    this.jobs.push(job)
    this.bytes += job.bytes
    if (this.bytes > this.limitBytes) {
      this.lastLetGo = job.lastSeq
      this.letGo()
    }
  }

  letGo(): void {
    const { jobs } = this
    if (jobs.length === 0) return
    this.jobs = []
    this.bytes = 0
    for (const job of jobs) this.route(job)
  }

  private route(job: InFlightJob): void {
    if (job.revision === null) this.rules.of(job.action.rule.id).actionsTotal += job.count
    this.router.route(job)
  }

  /** Takes out the jobs of rows with an ordinal of at least `seq`. */
  takeFrom(seq: number): InFlightJob[] {
    if (this.jobs.every(({ lastSeq }) => lastSeq < seq)) return []
    const jobs = this.jobs.flatMap((job) => (job.change.seq < seq && job.lastSeq >= seq ? job.singles() : [job]))
    const taken = jobs.filter(({ change }) => change.seq >= seq)
    this.jobs = jobs.filter(({ change }) => change.seq < seq)
    for (const { bytes } of taken) this.bytes -= bytes
    return taken
  }

  /** The transaction is over. */
  reset(): void {
    this.lastLetGo = -1
  }
}
