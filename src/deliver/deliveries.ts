import type { Log, Target } from '../model/rule/action.ts'
import type { TargetConfig } from '../model/rule/target-config.ts'
import { BingoError } from '../model/errors.ts'
import { SampledLog } from '../model/sampled-log.ts'
import type { Clock } from '../model/clock.ts'
import type { CommandAnswer, TargetCommand, Withdraw } from '../model/delivery/commands.ts'
import type { DeadLetter, DeadLetterStore } from '../model/delivery/dead-letter.ts'
import type { Deliveries, DeliveryHooks, DropResult } from '../model/delivery/deliveries.ts'
import type { InFlightJob } from '../model/delivery/in-flight-job.ts'
import type { Rule } from '../model/rule/rule.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import type { Stats } from '../model/stats.ts'
import type { TargetState } from '../model/delivery/target-state.ts'
import { stringifyValue } from '../model/event/forms/event-json.ts'
import { FailureHandler } from './failure-handler.ts'
import { namedTargets } from './named-targets.ts'
import type { WriteLine } from './queue/send-log.ts'
import { TargetQueue } from './queue/target-queue.ts'
import { Spools, type SpoolOptions } from './spool/spools.ts'

export interface TargetQueuesDeps {
  readonly lanes: number
  readonly openTarget: (target: TargetConfig) => Promise<Target>
  /** When a target that is down overflows into the store. */
  readonly spool: SpoolOptions
  readonly deadLetters: DeadLetterStore
  readonly clock: Clock
  readonly log: Log
  readonly stats: Stats
  /** Where each send is written to; null: nowhere. */
  readonly logSends: WriteLine | null
  /** Since when an operator has a target paused, milliseconds since 1970; 0: it is not. Absent: none is. */
  readonly pausedSince?: ((target: string) => number) | undefined
}

interface OpenQueue {
  readonly queue: TargetQueue
  readonly state: TargetState
  /** What it was opened with. */
  options: string
  spool: SpoolOptions
}

/** One queue per target, made when it is first named. */
export class TargetQueues implements Deliveries {
  private readonly deps: TargetQueuesDeps
  private readonly hooks: DeliveryHooks
  private readonly queues = new Map<string, OpenQueue>()
  /** Targets that the rules and sagas name now. */
  private named: ReadonlySet<string> = new Set()
  private readonly dropped = new Set<string>()
  private failures: FailureHandler | null = null
  private readonly spools: Spools
  private readonly repeats: SampledLog
  private spoolsOpen = false
  readonly opened: Promise<void>
  private isOpen: () => void = () => undefined
  private isStopping = false

  constructor(deps: TargetQueuesDeps, hooks: DeliveryHooks) {
    this.deps = deps
    this.hooks = hooks
    this.opened = new Promise((resolve) => (this.isOpen = resolve))
    const { clock, log, stats } = deps
    this.repeats = new SampledLog(log, clock)
    const { lines, hasRoom, unloaded } = hooks
    this.spools = new Spools({
      clock,
      log,
      budget: stats.budget,
      state: stats.waiting,
      lines,
      hasRoom,
      unloaded,
      options: (id) => this.queues.get(id)?.spool ?? deps.spool,
      queues: () => [...this.queues].map(([id, { queue }]) => [id, queue] as const),
      queue: (id) => this.queues.get(id)?.queue,
      push: (job) => this.queueFor(job.action.target, job),
      emptied: (id) => this.forgetUnnamed(id),
    })
  }

  async open(signal: AbortSignal): Promise<boolean> {
    const { deadLetters: store, clock, log, stats } = this.deps
    const { signal: giveUp, ruleStats } = this.hooks
    try {
      this.failures = await FailureHandler.open(
        { store, clock, log, repeats: this.repeats, signal: giveUp, ruleStats, stats: stats.deadLetters },
        signal,
      )
      this.isOpen()
      return true
    } catch (error) {
      if (signal.aborted) return false
      throw error
    }
  }

  isSpooling(rule: Rule): boolean {
    return this.spools.holdBack(rule)
  }

  get drained(): boolean {
    for (const { queue } of this.queues.values()) if (!queue.idle) return false
    return this.spools.idle
  }

  get onlyDownLeft(): boolean {
    for (const { queue, state } of this.queues.values()) if (!queue.idle && !state.isShut) return false
    return true
  }

  prepare(ruleSet: RuleSet): void {
    const named = namedTargets(ruleSet)
    for (const target of named.values()) this.use(target)
    this.named = new Set(named.keys())
    for (const id of this.dropped) if (named.has(id)) this.dropped.delete(id)
    for (const [id, open] of this.queues) if (!named.has(id)) this.unname(id, open)
    if (!this.spoolsOpen) this.spools.open()
    this.spoolsOpen = true
  }

  push(target: TargetConfig, job: InFlightJob): void {
    if (this.spools.none) this.queueFor(target, job)
    else for (const single of job.singles()) if (!this.spools.take(single)) this.queueFor(target, single)
  }

  ask(command: TargetCommand): Withdraw {
    if (this.failures !== null && !this.isStopping) return this.of(command.action.target).queue.ask(command)
    let isWithdrawn = false
    const answer: CommandAnswer = this.isStopping ? { tag: 'stopping' } : { tag: 'not sent', error: NOT_OPEN }
    queueMicrotask(() => isWithdrawn || command.answer(answer))
    return () => (isWithdrawn = true)
  }

  isCrowded({ id }: TargetConfig): boolean {
    return this.queues.get(id)?.queue.isCrowded ?? false
  }

  stored(job: InFlightJob): void {
    this.spools.left(job)
  }

  stopLoading(): void {
    this.isStopping = true
    for (const { queue } of this.queues.values()) queue.stopCommands()
    this.spools.stopLoading()
  }

  giveUp(letters: readonly DeadLetter[]): Promise<void> {
    return this.failures!.keep(letters)
  }

  drop(target: string): DropResult {
    if (this.named.has(target)) return 'named'
    const open = this.queues.get(target)
    if (open === undefined) return 'unknown'
    this.dropped.add(target)
    const dropped = open.queue.drop()
    const fields = { target, code: 'BINGO_TARGET_DROPPED', queued: dropped }
    this.deps.log.warn(fields, 'target dropped on request; its events move to the dead letters')
    return { dropped }
  }

  setPaused(target: string, sinceMs: number): boolean {
    const open = this.queues.get(target)
    open?.queue.setPaused(sinceMs)
    return open !== undefined
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.queues.values()].map(({ queue }) => queue.close()))
    this.repeats.flush()
  }

  /** Opens a target that rules name, or opens it again where its options changed. */
  private use(config: TargetConfig): void {
    const open = this.of(config)
    open.state.unnamedSince = 0
    open.spool = this.spoolOf(config)
    const options = stringifyValue(config.options)
    if (open.options !== options) {
      open.options = options
      open.queue.reopenAs(() => this.deps.openTarget(config))
    }
    open.queue.limitRate(config.ratePerSecond ?? null)
    open.queue.prepare()
  }

  /** What waits for it keeps its address; when nothing waits any more, it is closed and forgotten. */
  private unname(id: string, open: OpenQueue): void {
    if (open.queue.idle && !this.spools.has(id)) {
      this.forget(id, open)
      return
    }
    if (open.state.unnamedSince > 0) return
    open.state.unnamedSince = this.deps.clock.now()
    this.deps.log.warn(
      { target: id, code: 'BINGO_TARGET_UNNAMED', queued: open.state.queued },
      'no rule or saga references this target any more; it closes once its backlog is delivered, or run `bingo targets drop`',
    )
  }

  private forget(id: string, open: OpenQueue): void {
    if (this.queues.get(id) !== open) return
    this.queues.delete(id)
    this.deps.stats.budget.forget(open.state)
    this.deps.log.info({ target: id }, 'target closed: no rule or saga references it')
    void open.queue.close().catch(() => undefined)
  }

  private ended(id: string, job: InFlightJob, delivered: boolean): void {
    this.hooks.ended(job, delivered)
    this.spools.left(job)
    this.forgetUnnamed(id)
  }

  private forgetUnnamed(id: string): void {
    if (this.named.has(id) || this.spools.has(id)) return
    const open = this.queues.get(id)
    // The queue is still at work on its last job.
    if (open !== undefined && open.queue.idle) setImmediate(() => open.queue.idle && this.forget(id, open))
  }

  private queueFor(target: TargetConfig, job: InFlightJob): void {
    const { queue } = this.of(target)
    for (const placeholder of job.placeholders) queue.push(placeholder)
    queue.push(job)
    if (job.preparation !== null) this.hooks.prepare(job)
  }

  private spoolOf({ spool }: TargetConfig): SpoolOptions {
    return { ...this.deps.spool, ...spool }
  }

  private of(config: TargetConfig): OpenQueue {
    const { id } = config
    let open = this.queues.get(id)
    if (open === undefined) {
      const { lanes, openTarget, clock, log } = this.deps
      const state = this.deps.stats.budget.target(config)
      const queue = new TargetQueue({
        config,
        lanes,
        open: () => openTarget(config),
        undelivered: this.failures!,
        clock,
        log,
        repeats: this.repeats,
        logSends: this.deps.logSends,
        state,
        signal: this.hooks.signal,
        onEnd: (job, delivered) => this.ended(id, job, delivered),
        onIdle: () => this.forgetUnnamed(id),
      })
      queue.setPaused(this.deps.pausedSince?.(id) ?? 0)
      queue.limitRate(config.ratePerSecond ?? null)
      // An event of a rule as it was may come after its target was dropped: it was delayed.
      if (this.dropped.has(id)) queue.drop()
      open = { queue, state, options: stringifyValue(config.options), spool: this.spoolOf(config) }
      this.queues.set(id, open)
    }
    return open
  }
}

const NOT_OPEN = new BingoError('BINGO_SAGA_NOT_SENT', 'BinGo is starting: the command was not sent', {
  retryable: true,
})
