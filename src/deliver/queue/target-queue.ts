import type { Log, SendResult, Target } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import type { TargetCommand, Withdraw } from '../../model/delivery/commands.ts'
import type { InFlightJob, WakeableQueue } from '../../model/delivery/in-flight-job.ts'
import { thrownFailure } from '../../targets/failure/failure.ts'
import { CommandQueue } from './command-queue.ts'
import { Flushes } from './flushes.ts'
import { LaneHeads } from './lane-heads.ts'
import { LaneOutcomes, type LaneOutcomesDeps } from './lane-outcomes.ts'
import { LaneSelection } from './lane-selection.ts'
import { Lanes } from './lanes.ts'
import { RateLimits } from './rate-limits.ts'
import { logSend, type WriteLine } from './send-log.ts'
import type { Segment } from './sort-results.ts'
import { TargetHealth } from './target-health.ts'
import { TargetOpener } from './target-opener.ts'

export interface TargetQueueDeps extends LaneOutcomesDeps {
  readonly lanes: number
  readonly open: () => Promise<Target>
  readonly clock: Clock
  readonly log: Log
  /** Where each send is written to; null: nowhere. */
  readonly logSends: WriteLine | null
  /** Aborted when the daemon gives up waiting: running sends are cut off. */
  readonly signal: AbortSignal
  /** Nothing is queued any more, after a command. */
  readonly onIdle?: (() => void) | undefined
}

/**
 * Everything queued for one target: one ordered lane queue per lane (invariant 2), sent in batches that form by
 * themselves while the batch before them is under way. Failures wait, retry, or go to the dead letters, lane by lane;
 * a target that is down stops all its lanes and is probed by one send at a time. Commands of sagas wait beside the lanes,
 * for the same limits, and take turns with them.
 */
export class TargetQueue implements WakeableQueue {
  private readonly deps: TargetQueueDeps
  private readonly lanes: Lanes
  private readonly heads: LaneHeads
  private readonly health: TargetHealth
  private readonly opener: TargetOpener
  private readonly outcomes: LaneOutcomes
  private readonly flushes: Flushes
  private readonly rates: RateLimits
  private readonly commands: CommandQueue
  /** Whose turn it is, where both have something to send. */
  private isTurnOfCommands = false
  private inFlight = 0
  /** Monotonic; 0: it is not paused. */
  private pausedAtMs = 0

  constructor(deps: TargetQueueDeps) {
    this.deps = deps
    this.flushes = new Flushes(() => this.flush(), deps.clock)
    this.lanes = new Lanes(deps.lanes, deps.clock, () => this.flushes.request())
    this.rates = new RateLimits(deps.clock)
    const selection = new LaneSelection(deps.undelivered, this.rates)
    this.health = new TargetHealth(deps.config, deps.clock, deps.log, deps.state)
    this.opener = new TargetOpener(deps.open, this.health, deps.clock, () => this.flushes.request())
    this.commands = new CommandQueue({
      ...deps,
      target: deps.config.id,
      rates: this.rates,
      health: this.health,
      onReady: () => this.flushes.request(),
      onIdle: () => deps.onIdle?.(),
    })
    const { lanes, health, opener } = this
    this.outcomes = new LaneOutcomes(deps, { lanes, selection, health, opener })
    this.heads = new LaneHeads(lanes, selection, this.outcomes, deps.undelivered)
  }

  /** Nothing queued and nothing under way. */
  get idle(): boolean {
    return this.lanes.queued === 0 && this.commands.idle
  }

  /** How long nothing can be sent, or is to be; 0: the target is up. What is dropped need not be sent. */
  get downForMs(): number {
    if (this.outcomes.dropped) return 0
    const pausedMs = this.isPaused ? Math.max(1, this.deps.clock.monotonicMs() - this.pausedAtMs) : 0
    return Math.max(pausedMs, this.health.downForMs)
  }

  get isPaused(): boolean {
    return this.deps.state.pausedSince > 0
  }

  /** So many commands wait that more would only fill memory. */
  get isCrowded(): boolean {
    return this.commands.isCrowded
  }

  /** Sends per second, of rules and commands together; null: no limit. */
  limitRate(perSecond: number | null): void {
    this.rates.limitTarget(perSecond)
    this.flushes.request()
  }

  /** Jobs, runs of rows and placeholders that are queued or in flight. */
  get length(): number {
    return this.lanes.queued
  }

  /** Something is being sent, or given up. */
  get busy(): boolean {
    return this.inFlight > 0 || this.lanes.underWay
  }

  /** Jobs that are not under way leave the queue, with what holds their places; by lane, in order. */
  takeOut(isTaken: (job: InFlightJob) => boolean): InFlightJob[][] {
    const taken = this.lanes.takeOut((job) => isTaken(job.placeholderFor ?? job))
    for (const lane of taken) for (const job of lane) if (job.placeholderFor === null) this.deps.state.queued -= 1
    return taken
  }

  /** Opens the target ahead of the first job, so that none waits for a connection. */
  prepare(): void {
    if (!this.isPaused) this.opener.prepare()
  }

  /** Nothing more is sent, and what is under way ends. 0: it goes on. */
  setPaused(sinceMs: number): void {
    this.deps.state.pausedSince = sinceMs
    this.pausedAtMs = this.deps.clock.monotonicMs()
    if (sinceMs > 0) return
    this.prepare()
    this.flushes.request()
  }

  /** From now on the target is opened like this: a password was changed, say. What is being sent ends first. */
  reopenAs(open: () => Promise<Target>): void {
    this.opener.replace(open)
    this.flushes.request()
  }

  /** Nothing is sent any more: all that is queued, or will be, goes to the dead letters. Answers how many wait. */
  drop(): number {
    this.outcomes.dropped = true
    this.commands.drop()
    this.lanes.wakeAll()
    this.flushes.request()
    return this.deps.state.queued
  }

  push(job: InFlightJob): void {
    job.enqueuedIn(this)
    if (job.placeholderFor === null) this.deps.state.queued += job.count
    this.lanes.push(job)
  }

  /** Sends the command once, when its turn comes. */
  ask(command: TargetCommand): Withdraw {
    return this.commands.add(command)
  }

  /** A stop begins: commands that wait are not sent any more. */
  stopCommands(): void {
    this.commands.stop()
  }

  wake(lane: number): void {
    this.lanes.wake(lane)
  }

  async close(): Promise<void> {
    this.flushes.cancel()
    this.lanes.close()
    this.commands.close()
    await this.opener.close()
  }

  private flush(): void {
    if (this.deps.signal.aborted) return
    if (this.outcomes.dropped) {
      while (this.lanes.ready.length > 0) this.heads.take(this.lanes.ready.shift()!, null, [])
      return
    }
    if (this.isPaused) return
    if (this.opener.needsRenewal && this.inFlight === 0) this.opener.renew()
    const { target } = this.opener
    if (target === null || this.opener.needsRenewal) {
      this.prepare()
      return
    }
    while ((this.lanes.ready.length > 0 || this.commands.waits) && this.inFlight < target.maxConcurrency) {
      const waitMs = this.health.waitMs(this.inFlight)
      if (waitMs === Infinity) return
      if (waitMs > 0) {
        this.flushes.later(waitMs)
        return
      }
      if (!this.commands.waits) this.sendNext(target)
      else if (!this.sendInTurn(target)) return
    }
  }

  /** Lanes and commands take turns. False: nothing can go now. */
  private sendInTurn(target: Target): boolean {
    const perSend = target.ask === undefined && target.gather === 'all' ? target.maxBatch : 1
    const isProbe = this.health.downForMs > 0
    this.commands.prepare(isProbe ? 1 : (target.maxConcurrency - this.inFlight) * perSend)
    const haveLanes = this.lanes.ready.length > 0
    const batch = haveLanes && !this.isTurnOfCommands ? [] : this.commands.take(isProbe ? 1 : perSend)
    this.isTurnOfCommands = batch.length === 0
    if (batch.length > 0) void this.sendCommands(target, batch)
    else if (haveLanes) this.sendNext(target)
    return batch.length > 0 || haveLanes
  }

  private async sendCommands(target: Target, batch: ReturnType<CommandQueue['take']>): Promise<void> {
    this.inFlight += 1
    await this.commands.send(target, batch)
    this.inFlight -= 1
    this.flush()
  }

  private sendNext(target: Target): void {
    const batch: InFlightJob[] = []
    const segments: Segment[] = []
    do {
      const lane = this.lanes.ready.shift()!
      const from = batch.length
      this.heads.take(lane, target, batch)
      if (batch.length > from) segments.push({ lane, from, to: batch.length })
    } while (target.gather === 'all' && this.lanes.ready.length > 0 && batch.length < target.maxBatch)
    if (batch.length > 0) void this.send(target, batch, segments)
  }

  private async send(target: Target, batch: InFlightJob[], segments: readonly Segment[]): Promise<void> {
    this.inFlight += 1
    const { state, logSends, clock } = this.deps
    state.counters.sendsTotal += 1
    const fromMs = clock.monotonicMs()
    let result: SendResult
    try {
      result = await target.send(batch, this.deps.signal)
    } catch (error) {
      const failure = thrownFailure('unknown', error)
      result = batch.map(() => failure)
    }
    this.inFlight -= 1
    const ms = clock.monotonicMs() - fromMs
    state.counters.sendTimes.observe(ms)
    if (logSends !== null) logSend(logSends, this.deps.config.id, batch, result, ms)
    if (this.deps.signal.aborted && result !== undefined) return
    if (result === undefined) this.outcomes.delivered(batch, segments)
    else this.outcomes.failed(batch, segments, result, fromMs)
    this.flush()
  }
}
