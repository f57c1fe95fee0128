import type { InFlightJob, WakeableQueue } from '../../model/delivery/in-flight-job.ts'
import type { StoredRecord } from '../../model/delivery/waiting.ts'
import type { StoredLineReader } from '../../model/delivery/stored-lines.ts'
import type { Clock } from '../../model/clock.ts'
import type { TargetQueue } from '../queue/target-queue.ts'
import type { SpoolBytes } from './spool-bytes.ts'

/** Records loaded at once, and jobs that a target has queued before more are loaded. */
const PAGE = 500
const ENOUGH_QUEUED = 1_000
/** Jobs that are in memory even when the budget is used up: it may be used up by what waits for room in the store. */
const LEAST_LOADED = 10

export interface SpoolDeps {
  readonly clock: Clock
  readonly reader: StoredLineReader
  /** Of the target; undefined where no rule names it, so that nothing can be queued for it. */
  readonly queue: () => TargetQueue | undefined
  /** Takes a job on its way behind this spool. */
  readonly onward: (job: InFlightJob, record: StoredRecord) => void
  /** The job made of this record is in memory. */
  readonly isLoaded: (record: StoredRecord) => boolean
  readonly hasRoom: () => boolean
  readonly bytes: SpoolBytes
  /** Whether the store may take more for this target. */
  readonly maxBytes: () => number
}

/**
 * What waits in the store for one target. Jobs go in at the end as long as anything waits; while the target is down one
 * at a time is loaded, to probe it with, and once it is up as many as it takes.
 */
export class Spool implements WakeableQueue {
  readonly target: string
  private readonly deps: SpoolDeps
  /** In order: the first waits for the end of the action that it follows, or for room in the store. */
  private staged: InFlightJob[] = []
  /** Jobs in memory that were made of its records. */
  loaded = 0
  private loading = false
  private stopped = false
  /** What was loaded went back: it is read again when this has resolved. */
  private settled: Promise<void> | null = null

  constructor(target: string, deps: SpoolDeps) {
    this.target = target
    this.deps = deps
  }

  /**
   * Something waits, or soon will, so that whatever comes has to wait behind it. While the target is down, so is what it is
   * probed with: else each event of a quiet rule would go to memory first, and overflow from there.
   */
  get active(): boolean {
    return !this.idle || !this.deps.reader.line.empty || (this.loaded > 0 && this.isDown)
  }

  /** Everything that came in is on its way to the store, and nothing is on its way out. */
  get idle(): boolean {
    return this.staged.length === 0 && !this.loading
  }

  /** Rules of which something may wait here. */
  get rules(): ReadonlySet<string> {
    return this.deps.reader.line.rules
  }

  add(job: InFlightJob): void {
    job.enqueuedIn(this)
    this.staged.push(job)
    this.write()
  }

  wake(): void {
    this.write()
  }

  /** Jobs that did not go into the line yet leave; in order. */
  takeStaged(isTaken: (job: InFlightJob) => boolean): InFlightJob[] {
    const taken: InFlightJob[] = []
    const left: InFlightJob[] = []
    for (const job of this.staged) (isTaken(job) ? taken : left).push(job)
    this.staged = left
    return taken
  }

  /** These records are loaded again, once `settled` has resolved. */
  back(records: readonly StoredRecord[], settled: Promise<void>): void {
    for (const record of records) this.deps.reader.line.back(record)
    this.settled = settled
  }

  stop(): void {
    this.stopped = true
  }

  /** Loads what the target may take now. */
  pump(): void {
    this.write()
    if (this.loading || this.stopped || this.deps.reader.line.empty || this.room() === 0) return
    this.loading = true
    void this.load().then(
      (more) => {
        this.loading = false
        if (more) this.pump()
      },
      // A stop gave up waiting for a store.
      () => undefined,
    )
  }

  private write(): void {
    for (let job = this.staged[0]; job !== undefined && this.mayWrite(job); job = this.staged[0]) {
      this.staged.shift()
      job.writtenBy = this
      this.deps.bytes.add(job)
      const { line } = this.deps.reader
      line.add(job, Math.min(job.change.at, this.deps.clock.now()))
    }
  }

  private get isDown(): boolean {
    return (this.deps.queue()?.downForMs ?? 0) > 0
  }

  /** An action whose predecessor is on its way elsewhere would be sent before it. */
  private mayWrite({ after }: InFlightJob): boolean {
    const { bytes, maxBytes, reader } = this.deps
    // What waits is held back until the whole replay is in the store: a limit would hold back the replay.
    const isFull = bytes.held >= maxBytes() && !reader.line.isReplaying
    return !isFull && (after === null || after.done || after.writtenBy === this)
  }

  private room(): number {
    const queue = this.deps.queue()
    if (queue?.isPaused === true) return 0
    if (queue !== undefined && this.isDown) return queue.length === 0 ? 1 : 0
    if (!this.deps.hasRoom()) return Math.max(0, LEAST_LOADED - this.loaded)
    return (queue?.length ?? 0) < ENOUGH_QUEUED ? PAGE : 0
  }

  /** Answers whether there may be more to load now. */
  private async load(): Promise<boolean> {
    const { reader, onward, isLoaded } = this.deps
    await this.settled
    this.settled = null
    const records = await reader.line.next(this.room() || 1)
    for (const record of records) {
      if (isLoaded(record) || reader.line.asItIs(record) === null) continue
      // It went down meanwhile, or has its probe.
      if (this.room() === 0 || this.stopped || this.settled !== null) {
        reader.line.back(record)
        return false
      }
      const jobs = reader.jobsOf(record)
      for (const job of jobs instanceof Promise ? await jobs : jobs) onward(job, record)
    }
    return records.length > 0
  }
}
