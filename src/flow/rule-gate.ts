import type { Timer } from '../model/clock.ts'
import { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { Revision } from '../model/delivery/in-flight-job.ts'
import { RULE_PREFIX } from '../model/delivery/waiting.ts'
import type { Change } from '../model/event/change.ts'
import type { Log } from '../model/rule/action.ts'
import { OUTBOX_ACTION } from '../model/rule/outbox-rule.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { SuspendedRule } from '../model/stats.ts'
import type { WaitingLines } from '../waiting/lines.ts'
import type { JobRoute } from './reading/commit-buffer.ts'
import type { DdlNotes } from './reading/ddl-notes.ts'
import { drainRule } from './rule-drain.ts'
import type { DrainDeps } from './rule-drain.ts'
import type { LineReader, StoredJobs } from './stored-jobs.ts'

/** How long events that failed are kept back, for more to fail like them. */
const KEEP_MS = 1_000
/** A revision of two lines is written to both at once: the checkpoint waits for one of them. */
const NO_HOLD = { release: () => undefined }

export interface RuleGateDeps extends DrainDeps {
  readonly log: Log
  readonly lines: WaitingLines
  readonly storedJobs: StoredJobs
  readonly ddls: DdlNotes
  readonly suspended: Map<string, SuspendedRule>
  readonly charge: (job: InFlightJob) => void
}

/** A rule that fails. */
interface Failing {
  code: string
  /** Changes that failed with this code, in a row. */
  changes: number
  last: Change | null
  /** They hold the checkpoint. */
  kept: InFlightJob[]
  timer: Timer | null
}

/** A rule whose events wait in its line. */
interface Suspended {
  readonly reader: LineReader
  /** Of the rule when it was suspended; null: not known. */
  version: string | null
  draining: boolean
  /** To be tried once more: the rule was changed while it was. */
  again: boolean
}

/**
 * The circuit breaker of each rule, between the commit and wherever its events go next. A rule whose filter or template
 * fails with one code for many changes in a row is suspended: its events wait in the store, in order, until a changed rule,
 * a restart or an operator lets them be evaluated again.
 */
export class RuleGate implements JobRoute {
  private readonly deps: RuleGateDeps
  private readonly failing = new Map<string, Failing>()
  private readonly suspended = new Map<string, Suspended>()
  private ruleSet: RuleSet
  private stopped = false

  constructor(deps: RuleGateDeps, ruleSet: RuleSet) {
    this.deps = deps
    this.ruleSet = ruleSet
  }

  route(job: InFlightJob): void {
    if (job.failure === null && this.failing.size === 0 && this.suspended.size === 0) this.deps.router.route(job)
    else for (const single of job.singles()) this.gate(single)
  }

  /** Goes on with what waits in the store: what had failed may work by now. */
  open(): void {
    for (const name of this.deps.lines.names) {
      if (!name.startsWith(RULE_PREFIX)) continue
      const ruleId = name.slice(RULE_PREFIX.length)
      this.suspended.set(ruleId, { reader: this.readerOf(ruleId), version: null, draining: false, again: false })
      this.deps.suspended.set(ruleId, {
        since: this.deps.clock.now(),
        code: 'BINGO_RULE_SUSPENDED',
        message: 'by an earlier run',
      })
      if (this.ruleSet.rules.some(({ id }) => id === ruleId)) this.resume(ruleId)
    }
  }

  /** Rules that were changed are tried again. */
  useRules(ruleSet: RuleSet): void {
    this.ruleSet = ruleSet
    for (const { id, version } of ruleSet.rules) {
      const failing = this.failing.get(id)
      if (failing !== undefined) this.letGo(failing)
      this.failing.delete(id)
      if (this.suspended.has(id) && this.suspended.get(id)!.version !== version) this.resume(id)
    }
  }

  /** Evaluates what waits for this rule again. False: it is not suspended. */
  resume(ruleId: string): boolean {
    const suspended = this.suspended.get(ruleId)
    if (suspended === undefined) return false
    suspended.again = suspended.draining
    if (suspended.draining) return true
    suspended.draining = true
    void this.drain(ruleId, suspended).then(
      () => {
        suspended.draining = false
        if (suspended.again && this.suspended.get(ruleId) === suspended) this.resume(ruleId)
      },
      // A stop gave up waiting for a store.
      () => undefined,
    )
    return true
  }

  /** A stop begins: nothing is kept back any more, and nothing more is loaded. */
  stop(): void {
    this.stopped = true
    for (const failing of this.failing.values()) this.letGo(failing)
    this.failing.clear()
  }

  private gate(job: InFlightJob): void {
    const { rule } = job.action
    // Rows of an outbox that are right make no jobs of this rule: nobody here could tell "in a row".
    if (job.action.type === OUTBOX_ACTION) {
      this.deps.router.route(job)
      return
    }
    const suspended = this.suspended.get(rule.id)
    const failing = this.failing.get(rule.id)
    if (job.revision !== null) {
      // What is kept back came before it.
      if (failing !== undefined) this.letGo(failing)
      if (suspended !== undefined) this.reviseIn(suspended, job, job.revision)
      this.deps.router.route(job)
      return
    }
    if (suspended !== undefined) {
      suspended.reader.line.add(job, job.change.at)
      return
    }
    if (job.failure === null) {
      if (failing !== undefined) this.letGo(failing)
      this.failing.delete(rule.id)
      this.deps.router.route(job)
      return
    }
    this.keep(job, this.failingOf(rule.id, failing, job.failure.code))
  }

  /** What waits here was to wait for the delay of its rule later. */
  private reviseIn({ reader }: Suspended, job: InFlightJob, revision: Revision): void {
    const { action, change, bytes, ofPreviousKey } = job
    const same = new InFlightJob(action, change, undefined, 0, bytes, NO_HOLD, null, ofPreviousKey)
    same.markAs(revision)
    this.deps.charge(same)
    reader.line.revise(same)
  }

  private failingOf(ruleId: string, failing: Failing | undefined, code: string): Failing {
    if (failing?.code === code) return failing
    if (failing !== undefined) this.letGo(failing)
    const fresh: Failing = { code, changes: 0, last: null, kept: [], timer: null }
    this.failing.set(ruleId, fresh)
    return fresh
  }

  private keep(job: InFlightJob, failing: Failing): void {
    const { rule } = job.action
    if (failing.last?.id !== job.change.id) failing.changes += 1
    failing.last = job.change
    failing.kept.push(job)
    if (failing.changes >= this.deps.events) {
      this.suspend(rule, job)
      for (const kept of this.take(failing)) this.gate(kept)
      // Events that were matched before the last reload may work by the rule as it is now.
      if (this.ruleSet.rules.some(({ id, version }) => id === rule.id && version !== rule.version)) this.resume(rule.id)
    } else {
      failing.timer ??= this.deps.clock.afterIdle(KEEP_MS, () => this.letGo(failing))
    }
  }

  /** They go on as failed events do. */
  private letGo(failing: Failing): void {
    for (const job of this.take(failing)) this.deps.router.route(job)
  }

  private take(failing: Failing): InFlightJob[] {
    failing.timer?.cancel()
    failing.timer = null
    return failing.kept.splice(0)
  }

  private suspend(rule: Rule, { failure, change, action }: InFlightJob): void {
    const { code, message } = failure!
    const before = this.suspended.get(rule.id)
    this.failing.delete(rule.id)
    this.suspended.set(
      rule.id,
      before ?? { reader: this.readerOf(rule.id), version: rule.version, draining: false, again: false },
    )
    this.suspended.get(rule.id)!.version = rule.version
    this.deps.suspended.set(rule.id, { since: this.deps.clock.now(), code, message })
    const { file, line, column } = action.location
    const { schema, name: table } = change.table
    const ddl = this.deps.ddls.before(schema, table)
    this.deps.log.error(
      {
        code: 'BINGO_RULE_SUSPENDED',
        rule: rule.id,
        at: `${file}:${line}:${column}`,
        schema,
        table,
        failure: code,
        err: message,
        events: this.deps.events,
        ...(ddl !== null && { ddl }),
      },
      'rule suspended: it fails for every event; its events wait in the store until the rule is changed',
    )
  }

  private async drain(ruleId: string, { reader }: Suspended): Promise<void> {
    let drained = await drainRule(reader, this.deps, () => this.stopped)
    // Something came between its end and here.
    while (drained.tag === 'empty' && !reader.line.empty) {
      drained = await drainRule(reader, this.deps, () => this.stopped)
    }
    if (drained.tag === 'stopped') return
    if (drained.tag === 'failing') {
      this.suspend(drained.job.action.rule, drained.job)
      return
    }
    this.suspended.delete(ruleId)
    this.deps.suspended.delete(ruleId)
    this.deps.log.info({ rule: ruleId }, 'rule resumed: the events that waited for it were evaluated')
  }

  private readerOf(ruleId: string): LineReader {
    return this.deps.storedJobs.reader(this.deps.lines.line(RULE_PREFIX + ruleId))
  }
}
