import type { ActionPlan, TargetConfig } from './core/action.ts'
import { steadyWallTime } from './core/clock.ts'
import type { Clock } from './core/clock.ts'
import { InFlightJob } from './core/in-flight-job.ts'
import type { Rule } from './core/rule.ts'
import type { TargetQueue } from './act/target-queue.ts'
import { DebounceWindow } from './debounce/window.ts'
import { DelayLine } from './debounce/delay-line.ts'

export interface RouterDeps {
  readonly clock: Clock
  readonly queueFor: (target: TargetConfig) => TargetQueue
  /** A job was superseded by a newer one and ended up inside it. */
  readonly onSuperseded: (job: InFlightJob) => void
}

/** Takes committed jobs to where they wait: delay line, debounce window, or straight to their target's lane. */
export class Router {
  private readonly deps: RouterDeps
  /** Per rule, one window per lane; made when first needed. */
  private readonly windows = new Map<Rule, Map<number, DebounceWindow>>()
  private readonly delays = new Map<Rule, DelayLine>()
  /** Since the start of the daemon: a line is made when its first event comes, which may be after the clock was set. */
  private readonly steadyNow: () => number

  constructor(deps: RouterDeps) {
    this.deps = deps
    this.steadyNow = steadyWallTime(deps.clock)
  }

  route(job: InFlightJob): void {
    const { rule } = job.action
    if (rule.delayMs > 0) this.delayLine(rule).add(job)
    else this.gather(job)
  }

  /** All windows leave now. Delayed jobs stay: they are held, and replayed after a restart. */
  flushWindows(): void {
    for (const lanes of this.windows.values()) for (const window of lanes.values()) window.flush()
  }

  stop(): void {
    for (const line of this.delays.values()) line.stop()
  }

  /** Jobs that wait for a delay to pass; a stop does not wait for them. */
  get delayed(): number {
    let count = 0
    for (const line of this.delays.values()) count += line.size
    return count
  }

  private gather(job: InFlightJob): void {
    const { rule } = job.action
    if (rule.debounce === null) {
      this.enqueue(job)
      return
    }
    if (job.gate !== null) {
      // An UPDATE of the key is ordered after everything that waits on both lanes (invariant 2), so nothing may wait.
      this.windows.get(rule)?.get(job.lane)?.flush()
      this.windows.get(rule)?.get(job.gate.lane)?.flush()
      this.enqueue(job)
      return
    }
    const superseded = this.window(rule, job.lane).add(job)
    if (superseded !== null) this.deps.onSuperseded(superseded)
  }

  private enqueue(job: InFlightJob): void {
    const queue = this.deps.queueFor(job.action.target)
    if (job.gate !== null) queue.push(job.gate)
    queue.push(job)
  }

  private window(rule: Rule, lane: number): DebounceWindow {
    let lanes = this.windows.get(rule)
    if (lanes === undefined) this.windows.set(rule, (lanes = new Map()))
    let window = lanes.get(lane)
    if (window === undefined) {
      const release = (jobs: readonly InFlightJob[]) => this.releaseBatch(rule.actions, jobs)
      window = new DebounceWindow(rule.debounce!, release, () => this.deps.clock.monotonicMs())
      lanes.set(lane, window)
    }
    return window
  }

  /** One batch per action, actions in the order written. */
  private releaseBatch(actions: readonly ActionPlan[], jobs: readonly InFlightJob[]): void {
    if (actions.length === 1) {
      for (const job of jobs) this.enqueue(job)
      return
    }
    for (const action of actions) {
      for (const job of jobs) if (job.action === action) this.enqueue(job)
    }
  }

  private delayLine(rule: Rule): DelayLine {
    let line = this.delays.get(rule)
    if (line === undefined) {
      line = new DelayLine(rule.delayMs, (job) => this.gather(job), this.deps.clock, this.steadyNow)
      this.delays.set(rule, line)
    }
    return line
  }
}
