import type { Clock, Timer } from '../../model/clock.ts'
import type { Budget } from '../../model/delivery/budget.ts'
import type { InFlightJob } from '../../model/delivery/in-flight-job.ts'
import { SPOOL_PREFIX } from '../../model/delivery/waiting.ts'
import type { Origin, StoredRecord } from '../../model/delivery/waiting.ts'
import type { StoredLines } from '../../model/delivery/stored-lines.ts'
import type { Log } from '../../model/rule/action.ts'
import type { Rule } from '../../model/rule/rule.ts'
import type { WaitingState } from '../../model/stats.ts'
import type { TargetQueue } from '../queue/target-queue.ts'
import { inOneOrder } from './in-order.ts'
import { spoolPath } from './rule-paths.ts'
import { SpoolBytes } from './spool-bytes.ts'
import { Spool } from './spool.ts'

/** Between two looks at targets that are down, and at spools that may load more. */
const LOOK_MS = 100
const PUMP_MS = 20

/** When a target that is down begins to spool, and how much it may. */
export interface SpoolOptions {
  readonly afterMs: number
  readonly maxBytes: number
}

export interface SpoolsDeps {
  readonly clock: Clock
  readonly log: Log
  readonly budget: Budget
  readonly state: WaitingState
  readonly lines: StoredLines
  readonly hasRoom: () => boolean
  readonly unloaded: (job: InFlightJob) => void
  readonly options: (target: string) => SpoolOptions
  readonly queues: () => Iterable<readonly [target: string, queue: TargetQueue]>
  readonly queue: (target: string) => TargetQueue | undefined
  /** Queues the job for its own target, where nothing waits any more. */
  readonly push: (job: InFlightJob) => void
  /** Nothing waits for this target any more. */
  readonly emptied: (target: string) => void
}

/**
 * The spools of all targets. A target that is down for long, or whose backlog fills its share of the budget, overflows
 * into the store instead of stopping the sources: reading goes on, and the checkpoint moves (invariants 4 and 6).
 */
export class Spools {
  private readonly deps: SpoolsDeps
  /** Where something waits. */
  private readonly byTarget = new Map<string, Spool>()
  /** One object for each line: jobs that it has loaded find it again. */
  private readonly known = new Map<string, Spool>()
  /** Records of which jobs are in memory. */
  private readonly loaded = new Set<number>()
  private timers: Timer[] = []
  private pumping: Timer | null = null

  constructor(deps: SpoolsDeps) {
    this.deps = deps
  }

  /** Goes on with what waits in the store. */
  open(): void {
    for (const name of this.deps.lines.names) {
      if (name.startsWith(SPOOL_PREFIX)) this.of(name.slice(SPOOL_PREFIX.length))
    }
    this.timers = [this.deps.clock.every(LOOK_MS, () => this.look())]
    this.pumpLater()
  }

  /** Nothing waits in any of them. */
  get none(): boolean {
    return this.byTarget.size === 0
  }

  get idle(): boolean {
    for (const spool of this.byTarget.values()) if (!spool.idle) return false
    return true
  }

  /** What an event of the rule has to come behind waits in one of them, or was loaded and has not ended. */
  holdBack({ id, actions }: Rule): boolean {
    for (const [target, spool] of this.known) {
      if (!spool.active && spool.loaded === 0) continue
      if (spool.rules.has(id) || actions.some((action) => spoolPath(action).includes(target))) return true
    }
    return false
  }

  has(target: string): boolean {
    return this.byTarget.has(target)
  }

  /** Puts the job into the first spool on its way where something waits. False: there is none. */
  take(job: InFlightJob, behind: Spool | null = null): boolean {
    const way = this.wayOf(job)
    for (let i = behind === null ? 0 : way.indexOf(behind) + 1; i < way.length; i++) {
      if (!way[i]!.active) continue
      way[i]!.add(job)
      return true
    }
    return false
  }

  /** The job has ended, or is durable in another line. */
  left(job: InFlightJob): void {
    if (job.origin !== null) this.forget(job, job.origin).pump()
  }

  stopLoading(): void {
    for (const timer of this.timers) timer.cancel()
    this.pumping?.cancel()
    for (const spool of this.byTarget.values()) spool.stop()
  }

  /** Spools of targets that the rule named before come first: what waits there is older. */
  private wayOf({ action: { rule }, action }: InFlightJob): readonly Spool[] {
    const way: Spool[] = []
    for (const spool of this.byTarget.values()) {
      if (spool.rules.has(rule.id) && !rule.actions.some(({ target }) => target.id === spool.target)) way.push(spool)
    }
    for (const target of spoolPath(action)) {
      const spool = this.byTarget.get(target)
      if (spool !== undefined) way.push(spool)
    }
    return way
  }

  private of(target: string): Spool {
    let spool = this.known.get(target)
    if (spool === undefined) {
      const { clock, lines, queue, hasRoom, state, options } = this.deps
      const name = SPOOL_PREFIX + target
      const made: Spool = (spool = new Spool(target, {
        clock,
        reader: lines.reader(name),
        queue: () => queue(target),
        onward: (job, record) => this.onward(job, made, record),
        isLoaded: ({ seq }) => this.loaded.has(seq),
        hasRoom,
        bytes: new SpoolBytes(state, name),
        maxBytes: () => options(target).maxBytes,
      }))
      this.known.set(target, spool)
    }
    this.byTarget.set(target, spool)
    this.pumpLater()
    return spool
  }

  private onward(job: InFlightJob, spool: Spool, record: StoredRecord): void {
    job.origin = { target: spool.target, record }
    spool.loaded += 1
    this.loaded.add(record.seq)
    if (!this.take(job, spool)) this.deps.push(job)
  }

  private pumpLater(): void {
    if (this.pumping !== null || this.byTarget.size === 0) return
    this.pumping = this.deps.clock.afterIdle(PUMP_MS, () => {
      this.pumping = null
      for (const spool of this.byTarget.values()) spool.pump()
      this.forgetEmpty()
      this.pumpLater()
    })
  }

  private forgetEmpty(): void {
    for (const [target, spool] of this.byTarget) {
      if (spool.active) continue
      this.byTarget.delete(target)
      this.deps.log.info({ target }, 'spool is empty: events go straight to the target again')
      this.deps.emptied(target)
    }
  }

  /** Lets targets that are down for too long overflow. */
  private look(): void {
    const blocking = this.deps.budget.blockingTarget()?.id
    for (const [target, queue] of this.deps.queues()) {
      if (queue.downForMs === 0 || queue.length === 0 || queue.busy) continue
      if (queue.downForMs < this.deps.options(target).afterMs && target !== blocking) continue
      this.relieve(target, queue)
    }
  }

  /**
   * Everything that is queued for the target leaves memory, and the actions that follow it: what was loaded stays where it
   * is in the store, ahead of what goes there now.
   */
  private relieve(target: string, queue: TargetQueue): void {
    const spool = this.known.get(target)
    const isLoaded = (job: InFlightJob): boolean => job.origin?.target === target
    // Where nothing fits, what is queued stays where it is, and is its own probe.
    const { state, options } = this.deps
    const held = new SpoolBytes(state, SPOOL_PREFIX + target).held
    if (spool === undefined && held >= options(target).maxBytes) return
    // The probe stays.
    if (spool !== undefined && spool.loaded <= 1 && queue.length <= spool.loaded) return
    const lanes = queue.takeOut(() => true)
    const rules = new Set(lanes.flat().map(({ action }) => action.rule))
    const follows = (job: InFlightJob): boolean =>
      isLoaded(job) || (rules.has(job.action.rule) && this.comesThrough(target, job))
    for (const [id, other] of this.deps.queues()) if (id !== target) lanes.push(...other.takeOut(follows))
    const staged = [...this.byTarget.values()].map((other) => other.takeStaged(other === spool ? () => true : follows))
    // What waits for its way into a spool came behind everything that is queued.
    const jobs = [...inOneOrder(lanes), ...inOneOrder(staged)]
    const loaded = jobs.filter((job) => isLoaded(job))
    const others = jobs.filter((job) => !isLoaded(job))
    if (spool !== undefined) this.unload(spool, loaded)
    this.overflow(this.of(target), others, queue)
  }

  private unload(spool: Spool, jobs: readonly InFlightJob[]): void {
    const records = jobs.map(({ origin }) => origin!.record)
    for (const job of jobs) {
      this.forget(job, job.origin!)
      // What is loaded in its place is another object, that nothing follows which is in memory now.
      job.done = true
      this.deps.unloaded(job)
    }
    spool.back(records, this.deps.lines.removed())
  }

  private overflow(spool: Spool, jobs: readonly InFlightJob[], { downForMs, isPaused }: TargetQueue): void {
    if (jobs.length === 0) return
    const fields = { target: spool.target, code: 'BINGO_SPOOL', jobs: jobs.length, downMs: Math.round(downForMs) }
    const state = isPaused ? 'paused' : 'down'
    this.deps.log.warn(fields, `target is ${state}; its events wait in the store, and reading goes on`)
    for (const job of jobs) spool.add(job)
  }

  /** Its way to another target leads through the spool of this one, and it is not past it. */
  private comesThrough(target: string, job: InFlightJob): boolean {
    const path = spoolPath(job.action)
    const place = path.indexOf(target)
    const origin = job.origin?.target
    return job.action.target.id !== target && place >= 0 && (origin === undefined || path.indexOf(origin) <= place)
  }

  private forget(job: InFlightJob, { target, record }: Origin): Spool {
    const spool = this.known.get(target)!
    job.origin = null
    this.loaded.delete(record.seq)
    spool.loaded -= 1
    return spool
  }
}
