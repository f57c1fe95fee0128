import type { Clock, Timer } from '../../model/clock.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import type { DebounceOptions } from '../../model/rule/rule.ts'

/** Entries that are not worth looking through. */
const FEW = 64

/** All waiting jobs of one row key. */
interface Waiting {
  readonly key: string
  readonly firstAtMs: number
  lastAtMs: number
  readonly jobs: InFlightJob[]
  flushed: boolean
}

/**
 * The debounce window of one rule on one lane. A key waits until it has been quiet for `windowMs`, at most `maxWaitMs`
 * after its first trigger; whatever is due together leaves together, as one batch. `maxBatch` triggers empty it at once.
 * With `coalesce: latest` a newer job takes over the older one's hold (invariant 1: the older ends when the
 * newer does).
 */
export class DebounceWindow {
  private readonly options: DebounceOptions
  private readonly release: (jobs: readonly InFlightJob[]) => void
  private readonly clock: Pick<Clock, 'monotonicMs' | 'after'>
  /** In order of the last trigger: a key that is triggered again moves to the end. */
  private readonly waiting = new Map<string, Waiting>()
  /** In order of the first trigger, for maxWait; with entries that have left, at most as many as wait and FEW more. */
  private oldest: Waiting[] = []
  private jobCount = 0
  private timer: Timer | null = null
  private timerAtMs = Infinity

  /** `release` gets the jobs of a batch, per key in order. */
  constructor(
    options: DebounceOptions,
    release: (jobs: readonly InFlightJob[]) => void,
    clock: Pick<Clock, 'monotonicMs' | 'after'>,
  ) {
    this.options = options
    this.release = release
    this.clock = clock
  }

  get size(): number {
    return this.jobCount
  }

  /** Adds a job; answers the older job that it supersedes, if any. */
  add(job: InFlightJob): InFlightJob | null {
    const at = this.clock.monotonicMs()
    const key = job.key
    let entry = this.waiting.get(key)
    if (entry === undefined) {
      entry = { key, firstAtMs: at, lastAtMs: at, jobs: [], flushed: false }
      this.oldest.push(entry)
    } else {
      this.waiting.delete(key)
      entry.lastAtMs = at
    }
    this.waiting.set(key, entry)
    const superseded = job.action.coalesce === 'latest' ? supersede(entry.jobs, job) : null
    entry.jobs.push(job)
    if (superseded === null) this.jobCount += 1
    if (this.jobCount >= this.options.maxBatch) this.flush()
    else this.schedule()
    return superseded
  }

  /** Everything leaves now (shutdown, reload, a full batch, a changed key). */
  flush(): void {
    this.timer?.cancel()
    this.timer = null
    this.timerAtMs = Infinity
    const jobs: InFlightJob[] = []
    for (const entry of this.waiting.values()) leave(entry, jobs)
    this.waiting.clear()
    this.oldest.length = 0
    this.jobCount = 0
    if (jobs.length > 0) this.release(jobs)
  }

  private flushDue(): void {
    this.timer = null
    this.timerAtMs = Infinity
    const at = this.clock.monotonicMs()
    const due: Waiting[] = []
    for (const entry of this.waiting.values()) {
      if (at - entry.lastAtMs < this.options.windowMs) break
      due.push(entry)
    }
    this.dropFlushed()
    for (const entry of this.oldest) {
      if (at - entry.firstAtMs < this.options.maxWaitMs) break
      if (!entry.flushed && !due.includes(entry)) due.push(entry)
    }
    const jobs: InFlightJob[] = []
    for (const entry of due) {
      this.waiting.delete(entry.key)
      leave(entry, jobs)
    }
    this.jobCount -= jobs.length
    if (this.waiting.size > 0) this.schedule()
    if (jobs.length > 0) this.release(jobs)
  }

  private schedule(): void {
    this.dropFlushed()
    const next: Waiting | undefined = this.waiting.values().next().value
    const oldest = this.oldest[0]
    if (next === undefined || oldest === undefined) return
    const dueAt = Math.min(next.lastAtMs + this.options.windowMs, oldest.firstAtMs + this.options.maxWaitMs)
    // A timer that fires too early only looks and waits on: cheaper than moving it for every trigger.
    if (this.timer !== null && this.timerAtMs <= dueAt) return
    this.timer?.cancel()
    this.timerAtMs = dueAt
    this.timer = this.clock.after(Math.max(0, Math.ceil(dueAt - this.clock.monotonicMs())), () => this.flushDue())
  }

  private dropFlushed(): void {
    let gone = 0
    while (gone < this.oldest.length && this.oldest[gone]!.flushed) gone += 1
    if (gone > 0) this.oldest.splice(0, gone)
    // One that is never quiet stays at the front until its maxWait, however many leave behind it.
    if (this.oldest.length > 2 * this.waiting.size + FEW) this.oldest = this.oldest.filter(({ flushed }) => !flushed)
  }
}

/** What it had is garbage once it has ended: tables that the map has outgrown hold the entry for longer. */
function leave(entry: Waiting, into: InFlightJob[]): void {
  into.push(...entry.jobs)
  entry.jobs.length = 0
  entry.flushed = true
}

/** Takes out an older job that `job` makes needless; `job` comes last, behind what other actions did in between. */
function supersede(jobs: InFlightJob[], job: InFlightJob): InFlightJob | null {
  const place = jobs.findIndex((older) => job.supersedes(older))
  if (place < 0) return null
  const [older] = jobs.splice(place, 1)
  job.absorb(older!)
  return older!
}
