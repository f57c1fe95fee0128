import { steadyWallTime } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import type { Deliveries } from '../model/delivery/deliveries.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { DELAY_PREFIX } from '../model/delivery/waiting.ts'
import type { WaitingLines } from '../waiting/lines.ts'
import type { StoredJobs } from './stored-jobs.ts'
import { inRounds } from './windows/rounds.ts'
import { DebounceWindow } from './windows/window.ts'
import { DelayLine } from './windows/delay-line.ts'
import { LookupLine } from './windows/lookup-line.ts'

export interface RouterDeps {
  readonly clock: Clock
  readonly deliveries: Pick<Deliveries, 'push'>
  readonly lines: WaitingLines
  readonly storedJobs: StoredJobs
  /** Whether the memory budget has room for more jobs. */
  readonly hasRoom: () => boolean
  /** Commit time up to which everything was read, milliseconds since 1970; Infinity when nothing is left to read, and where absent. */
  readonly readUpToMs?: (() => number) | undefined
  /** Reads what the job waits for. */
  readonly prepare: (job: InFlightJob) => Promise<void>
  /** The `when` of a job does not hold: it ends before it came to a lane. */
  readonly skipped: (job: InFlightJob) => void
  /** A job was superseded by a newer one and ended up inside it. */
  readonly superseded: (job: InFlightJob) => void
}

/** A window and the version of the rule whose events it gathers. */
interface OpenWindow {
  readonly rule: Rule
  readonly window: DebounceWindow
}

/**
 * Takes committed jobs to where they wait: delay line, debounce window, or straight to their target's lane. A rule keeps
 * its place over reloads, by its id: what waits under the old version leaves before anything that the new one matched
 * (invariant 2), whatever became of its delay and window.
 */
export class Router {
  private readonly deps: RouterDeps
  /** By rule id one window per lane, made when first needed. */
  private readonly windows = new Map<string, Map<number, OpenWindow>>()
  /** By rule id. */
  private readonly delays = new Map<string, DelayLine>()
  /** By rule id; only while jobs wait there. */
  private readonly lookupLines = new Map<string, LookupLine>()
  /** The rules as they are now, by id. */
  private current: ReadonlyMap<string, Rule>
  /** Since the start of the daemon: a line is made when its first event comes, which may be after the clock was set. */
  private readonly steadyNow: () => number

  constructor(deps: RouterDeps, ruleSet: RuleSet) {
    this.deps = deps
    this.current = byId(ruleSet)
    this.steadyNow = steadyWallTime(deps.clock)
  }

  /**
   * Delays are from now on as long as these rules say, for events that wait already too. Windows leave.
   */
  useRules(ruleSet: RuleSet): void {
    this.current = byId(ruleSet)
    for (const [id, rule] of this.current) this.delays.get(id)?.useDelay(rule.delayMs)
    this.flushWindows()
    this.windows.clear()
  }

  route(job: InFlightJob): void {
    const { rule } = job.action
    if (rule.delayMs === 0 && this.delays.size === 0) {
      this.gather(job)
      return
    }
    if (job.count > 1) {
      for (const single of job.singles()) this.route(single)
      return
    }
    if (job.revision !== null) {
      this.revise(job)
      return
    }
    // The rule as it is now: this event may have been matched before, and let go after.
    const { delayMs } = this.current.get(rule.id) ?? rule
    if (delayMs > 0 || this.delays.get(rule.id)?.empty === false) this.delayLine(rule.id, delayMs).add(job)
    else this.gather(job)
  }

  private revise(job: InFlightJob): void {
    const line = this.delays.get(job.action.rule.id)
    if (line === undefined || line.empty) this.deps.skipped(job)
    else line.revise(job)
  }

  /** Goes on with what waits in the store. */
  open(): void {
    for (const name of this.deps.lines.names) {
      if (!name.startsWith(DELAY_PREFIX)) continue
      const ruleId = name.slice(DELAY_PREFIX.length)
      this.delayLine(ruleId, this.current.get(ruleId)?.delayMs ?? 0).begin()
    }
  }

  /** Nothing leaves the delays any more; what waits in memory there is stored. */
  stopDelays(): void {
    for (const line of this.delays.values()) line.stop()
  }

  /** All windows leave now. */
  flushWindows(): void {
    for (const lanes of this.windows.values()) for (const { window } of lanes.values()) window.flush()
  }

  /** Jobs that wait for rows of other tables before they come to their window; they are on their way. */
  get preparing(): number {
    let count = 0
    for (const line of this.lookupLines.values()) count += line.size
    return count
  }

  private gather(job: InFlightJob): void {
    const { rule } = job.action
    // A window compares what is sent, so it is rendered before; and nothing of the rule overtakes it there.
    if (this.lookupLines.has(rule.id) || (rule.debounce !== null && job.preparation !== null)) {
      const line = this.lookupLine(rule.id)
      for (const single of job.singles()) line.add(single)
      return
    }
    this.gatherPrepared(job)
  }

  private gatherPrepared(job: InFlightJob): void {
    const { rule } = job.action
    if (this.windows.size > 0) {
      this.flushOther(rule, job.lane)
      for (const { lane } of job.placeholders) this.flushOther(rule, lane)
    }
    if (rule.debounce === null) {
      this.enqueue(job)
      return
    }
    if (job.apart) {
      // Ordered after everything that waits on any lane that it concerns (invariant 2), so nothing may wait there.
      this.windows.get(rule.id)?.get(job.lane)?.window.flush()
      for (const { lane } of job.placeholders) this.windows.get(rule.id)?.get(lane)?.window.flush()
      this.enqueue(job)
      return
    }
    const superseded = this.window(rule, job.lane).add(job)
    if (superseded !== null) this.deps.superseded(superseded)
  }

  private enqueue(job: InFlightJob): void {
    this.deps.deliveries.push(job.action.target, job)
  }

  /** What gathers on this lane for another version of the rule leaves first. */
  private flushOther(rule: Rule, lane: number): void {
    const lanes = this.windows.get(rule.id)
    const open = lanes?.get(lane)
    if (open === undefined || open.rule === rule) return
    open.window.flush()
    lanes!.delete(lane)
  }

  private window(rule: Rule, lane: number): DebounceWindow {
    let lanes = this.windows.get(rule.id)
    if (lanes === undefined) this.windows.set(rule.id, (lanes = new Map()))
    let open = lanes.get(lane)
    if (open === undefined) {
      const release = (jobs: readonly InFlightJob[]) => this.releaseBatch(jobs)
      const window = new DebounceWindow(rule.debounce!, release, this.deps.clock)
      lanes.set(lane, (open = { rule, window }))
    }
    return open.window
  }

  private releaseBatch(jobs: readonly InFlightJob[]): void {
    for (const job of inRounds(jobs)) this.enqueue(job)
  }

  private lookupLine(ruleId: string): LookupLine {
    let line = this.lookupLines.get(ruleId)
    if (line === undefined) {
      line = new LookupLine({
        prepare: this.deps.prepare,
        release: (job) => (job.skipped ? this.deps.skipped(job) : this.gatherPrepared(job)),
        emptied: () => this.lookupLines.delete(ruleId),
      })
      this.lookupLines.set(ruleId, line)
    }
    return line
  }

  private delayLine(ruleId: string, delayMs: number): DelayLine {
    let line = this.delays.get(ruleId)
    if (line === undefined) {
      const { clock, lines, storedJobs, hasRoom } = this.deps
      const reader = storedJobs.reader(lines.line(DELAY_PREFIX + ruleId))
      const release = (job: InFlightJob): void => this.gather(job)
      const revises = (): boolean => {
        const rule = this.current.get(ruleId)
        return Boolean(rule?.cancelOn ?? rule?.recheck)
      }
      // What was committed before an event is due may cancel it or change its row, and has to be read first.
      const readUpToMs = (): number => (revises() ? (this.deps.readUpToMs?.() ?? Infinity) : Infinity)
      const deps = { clock, steadyNow: this.steadyNow, reader, release, hasRoom, revises, readUpToMs }
      line = new DelayLine(delayMs, deps)
      this.delays.set(ruleId, line)
    }
    return line
  }
}

function byId({ rules }: RuleSet): ReadonlyMap<string, Rule> {
  return new Map(rules.map((rule) => [rule.id, rule]))
}
