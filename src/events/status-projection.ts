import type { Clock, Timer } from '../model/clock.ts'
import { backoffMs } from '../model/delivery/backoff.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { JobEnd, JobObserver } from '../model/delivery/job-observer.ts'
import { BingoError } from '../model/errors.ts'
import type { Change } from '../model/event/change.ts'
import type { EventCounters } from '../model/event/posted/event-counters.ts'
import type { EventOutcome } from '../model/event/posted/event-record.ts'
import { isOfOutbox } from '../model/event/posted/outbox-event.ts'
import { PostedEvent } from '../model/event/posted/posted-event.ts'
import type { Log, Sendable } from '../model/rule/action.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { Pausable } from '../model/source/source.ts'
import type { EventName, EventProvider, ProgressUpdate } from '../model/state/event-provider.ts'
import { Unwritten, Writable } from './unwritten.ts'

export interface StatusProjectionDeps {
  readonly provider: Pick<EventProvider, 'progress'>
  readonly counters: EventCounters
  readonly clock: Clock
  readonly log: Log
  /** Sends that were skipped, since their rule is disabled. */
  readonly skipped: { has(job: Sendable): boolean }
  /** Called when nothing of an event runs any more; `waiting`: something of it ends later, made of a store. */
  readonly ended?:
    | ((event: PostedEvent, how: 'completed' | 'failed' | 'waiting', error: string | null) => void)
    | undefined
}

/** What is known of one event while its actions run, and until that is written: without the event itself, which is larger. */
class Tracked extends Writable {
  readonly environment: string
  readonly id: string
  readonly readAtMs: number
  matched = 0
  running = 0
  /** Some of its jobs end later, made anew from a store. */
  isWaiting = false
  /** All of its jobs have begun. */
  isRead = false
  readonly outcomes: EventOutcome[] = []
  error: string | null = null

  constructor({ environment, id }: EventName, readAtMs: number) {
    super()
    this.environment = environment
    this.id = id
    this.readAtMs = readAtMs
  }
}

/** The end of a job whose event is not followed any more. */
class Late extends Writable {
  readonly update: ProgressUpdate

  constructor(update: ProgressUpdate) {
    super()
    this.update = update
  }
}

/** The status of an event that has ended is at most so old. */
const WRITE_EVERY_MS = 100
const MOST_IN_ONE_WRITE = 1_000
/** Ends that wait to be written: beyond them reading pauses. */
const MOST_WAITING = 10_000
const RETRY = { minMs: 200, maxMs: 10_000 } as const

/**
 * Keeps the status of posted events behind the log, in batches: pending, processing, then completed, or failed where some
 * action ended in the dead letters. It may lag; nothing is decided by it.
 */
export class StatusProjection implements JobObserver {
  private readonly deps: StatusProjectionDeps
  private readonly unwritten: Unwritten<Tracked, Late>
  /** What is being written. */
  private batch: ReadonlySet<Tracked | Late> = new Set()
  private writing: Promise<void> | null = null
  private timer: Timer | null = null
  private source: Pausable | null = null
  private failures = 0
  private closed = false

  constructor(deps: StatusProjectionDeps) {
    this.deps = deps
    this.unwritten = new Unwritten(deps.clock)
  }

  /** What is paused while statuses cannot be written. */
  follows(source: Pausable): void {
    this.source = source
  }

  /** The event is about to be matched. */
  reads(event: PostedEvent): void {
    event.follower = new Tracked(event.envelope, this.deps.clock.monotonicMs())
  }

  /** All rules have seen the event. */
  hasRead(event: PostedEvent): void {
    const tracked = trackedOf(event)
    if (tracked === undefined) return
    tracked.isRead = true
    this.changed(tracked, event)
  }

  matched(_rule: Rule, change: Change): void {
    const tracked = trackedOf(change)
    if (tracked !== undefined) tracked.matched += 1
  }

  began({ change }: InFlightJob): void {
    const tracked = trackedOf(change)
    if (tracked !== undefined) tracked.running += 1
  }

  ended(job: InFlightJob, end: JobEnd): void {
    const { change } = job
    const tracked = trackedOf(change)
    if (tracked === undefined) return this.endedLate(job, end)
    tracked.running -= 1
    if (end === 'waiting') {
      tracked.isWaiting = true
      return this.changed(tracked, change as PostedEvent)
    }
    const outcome = this.outcomeOf(job, end)
    tracked.outcomes.push(outcome)
    if (outcome.status === 'failed') tracked.error ??= outcome.error ?? null
    this.changed(tracked, change as PostedEvent)
  }

  /** Everything that has happened so far is written, or the provider has refused it for good. */
  flush(): Promise<void> {
    this.unwritten.ripen()
    return this.flushEnded()
  }

  /** The same of events that have ended. */
  async flushEnded(): Promise<void> {
    const due = [...this.unwritten, ...this.batch]
    while (!this.closed && due.some((each) => each.isDue || this.batch.has(each))) {
      await this.writeOnce()
    }
  }

  /** Writes what there is, once: a provider that is down need not keep a stop. */
  async close(): Promise<void> {
    this.timer?.cancel()
    this.unwritten.ripen()
    await this.writeOnce()
    this.closed = true
  }

  private changed(tracked: Tracked, event: PostedEvent): void {
    const hasEnded = tracked.isRead && tracked.running === 0
    this.unwritten.changed(tracked, hasEnded)
    if (hasEnded) this.hasEnded(tracked, event)
    if (this.unwritten.size >= MOST_WAITING) this.source?.pause(this)
    this.writeSoon()
  }

  private writeSoon(): void {
    if (this.closed) return
    // Where more waits than one write takes, there is no reason to wait for more.
    const ms = this.unwritten.size >= MOST_IN_ONE_WRITE ? 0 : WRITE_EVERY_MS
    this.timer ??= this.deps.clock.afterIdle(ms, () => {
      this.timer = null
      void this.writeOnce()
    })
  }

  /** A job that waited in a store: its event is not followed any more. */
  private endedLate(job: InFlightJob, end: JobEnd): void {
    const { change } = job
    if (change.op !== 'event' || end === 'waiting' || isOfOutbox(change.new)) return
    const { id, environment } = change.new as { readonly id: string; readonly environment: string }
    const outcome = this.outcomeOf(job, end)
    const error = outcome.status === 'failed' ? (outcome.error ?? null) : null
    const status = error === null ? 'completed' : 'failed'
    const { clock } = this.deps
    this.unwritten.add(new Late({ id, environment, at: clock.now(), status, error, outcomes: [outcome] }))
    this.writeSoon()
  }

  private hasEnded({ error, isWaiting }: Tracked, event: PostedEvent): void {
    const { counters, clock } = this.deps
    event.follower = null
    const status = error === null ? 'completed' : 'failed'
    this.deps.ended?.(event, isWaiting ? 'waiting' : status, error)
    if (isWaiting) return
    counters.ended(event.envelope, status)
    counters.processing.observe(Math.max(0, clock.now() - event.transaction.timestampUs / 1_000))
  }

  private writeOnce(): Promise<void> {
    this.writing ??= this.write().finally(() => (this.writing = null))
    return this.writing
  }

  private async write(): Promise<void> {
    const batch = this.unwritten.take(MOST_IN_ONE_WRITE)
    this.batch = new Set(batch)
    try {
      if (batch.length > 0) await this.deps.provider.progress(batch.map((each) => this.updateOf(each)))
      this.failures = 0
      if (this.unwritten.size < MOST_WAITING / 2) this.source?.resume(this)
    } catch (error) {
      await this.failed(error, batch)
    } finally {
      this.batch = new Set()
      if (!this.unwritten.isEmpty) this.writeSoon()
    }
  }

  private updateOf(tracked: Tracked | Late): ProgressUpdate {
    if (tracked instanceof Late) return tracked.update
    const { environment, id, matched, running, isWaiting, isRead, outcomes, error } = tracked
    const isOver = isRead && running === 0 && !isWaiting
    return {
      environment,
      id,
      at: this.deps.clock.now(),
      status: !isOver ? 'processing' : error === null ? 'completed' : 'failed',
      matched,
      error,
      outcomes: outcomes.slice(),
    }
  }

  private async failed(error: unknown, batch: readonly (Tracked | Late)[]): Promise<void> {
    const { log, clock } = this.deps
    const isRetryable = error instanceof BingoError && error.retryable
    const code = error instanceof BingoError ? error.code : 'BINGO_INTERNAL'
    const err = error instanceof Error ? error.message : String(error)
    this.failures += 1
    const level = isRetryable && this.failures < 5 ? 'warn' : 'error'
    log[level]({ code, err, events: batch.length, attempt: this.failures }, 'writing the status of events failed')
    if (!isRetryable || this.closed) return
    for (const each of batch) this.unwritten.add(each)
    await clock.sleep(backoffMs(this.failures, RETRY.minMs, RETRY.maxMs))
  }

  private outcomeOf(job: InFlightJob, end: Exclude<JobEnd, 'waiting'>): EventOutcome {
    const { action, change, failure, attempts } = job
    const outcome = { rule: action.rule.id, action: action.index, at: this.deps.clock.now() }
    switch (end) {
      case 'delivered':
        return this.deps.skipped.has(job)
          ? { ...outcome, status: 'skipped', error: 'its rule was disabled' }
          : { ...outcome, status: 'done' }
      case 'superseded':
        return { ...outcome, status: 'done' }
      case 'dead letter': {
        const last = failure ?? attempts?.at(-1)
        const error =
          last === undefined ? 'parked behind an earlier failure of its key' : `${last.code}: ${last.message}`
        const deadLetter = `${change.id}#${action.rule.id}#${action.identity}`
        return { ...outcome, status: 'failed', error, deadLetter }
      }
    }
  }
}

function trackedOf(change: Change): Tracked | undefined {
  const follower = change instanceof PostedEvent ? change.follower : null
  return follower instanceof Tracked ? follower : undefined
}
