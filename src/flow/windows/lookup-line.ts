import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'

export interface LookupLineDeps {
  /** Resolves when the job has its rows. */
  readonly prepare: (job: InFlightJob) => Promise<void>
  readonly release: (job: InFlightJob) => void
  readonly emptied: () => void
}

/**
 * The jobs of one rule, in order, while some of them wait for rows of other tables: each leaves when it has them and those
 * before it have left.
 */
export class LookupLine {
  private readonly deps: LookupLineDeps
  private readonly jobs: InFlightJob[] = []
  private head = 0

  constructor(deps: LookupLineDeps) {
    this.deps = deps
  }

  get size(): number {
    return this.jobs.length - this.head
  }

  add(job: InFlightJob): void {
    this.jobs.push(job)
    if (job.preparation !== null) void this.deps.prepare(job).then(() => this.releaseReady())
  }

  private releaseReady(): void {
    if (this.size === 0) return
    while (this.size > 0 && this.jobs[this.head]!.preparation === null) {
      const job = this.jobs[this.head]!
      this.head += 1
      this.deps.release(job)
    }
    if (this.size === 0) {
      this.jobs.length = 0
      this.head = 0
      this.deps.emptied()
    } else if (this.head > 1024 && this.head * 2 > this.jobs.length) {
      this.jobs.splice(0, this.head)
      this.head = 0
    }
  }
}
