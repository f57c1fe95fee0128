import type { Clock, Timer } from '../../model/clock.ts'
import type { CommandAnswer, TargetCommand, Withdraw } from '../../model/delivery/commands.ts'
import type { TargetState } from '../../model/delivery/target-state.ts'
import { BingoError } from '../../model/errors.ts'
import type { Outcome, Sendable, Target } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { withDeadline } from '../../model/with-deadline.ts'
import { clampRetryAfter, thrownFailure } from '../../targets/failure/failure.ts'
import { countFailure } from './lane-outcomes.ts'
import type { RateLimits } from './rate-limits.ts'
import { logSend, type WriteLine } from './send-log.ts'
import type { TargetHealth } from './target-health.ts'

/** Commands that are prepared ahead of their turn: more would only be out of date by then. */
const MOST_READY = 64
/** What was prepared that long ago is prepared again. */
const FRESH_MS = 1_000
/** A target answers by itself when its own timeout is over; this is for one that does not. */
const GRACE_MS = 5_000
/** Commands that wait in memory for a target that takes nothing. */
const MOST_HELD = 5_000
/** What a limit lets through in this time may wait in memory for it. */
const HELD_SECONDS = 10
const LEAST_HELD = 100

export interface CommandQueueDeps {
  readonly target: string
  readonly clock: Clock
  readonly state: TargetState
  readonly rates: RateLimits
  readonly health: TargetHealth
  readonly logSends: WriteLine | null
  /** As of the target's queue. */
  readonly signal: AbortSignal
  /** Something may be sent now. */
  readonly onReady: () => void
  /** Nothing waits or is being sent any more. */
  readonly onIdle: () => void
}

interface Entry {
  readonly command: TargetCommand
  state: 'waiting' | 'sending' | 'over'
}

interface Ready {
  readonly entry: Entry
  readonly sendable: Sendable
  readonly atMs: number
}

/**
 * Commands that wait for their turn at one target, beside the lanes of its rules: by action, first in, first out. They are in
 * no order among themselves, and each is sent once: whoever asked repeats what failed.
 */
export class CommandQueue {
  private readonly deps: CommandQueueDeps
  private readonly waiting = new Map<ActionPlan, Set<Entry>>()
  private ready: Ready[] = []
  private preparing = 0
  /** Neither answered nor withdrawn. */
  private count = 0
  private timer: Timer | null = null
  /** What they are answered with instead of being sent; null: they are sent. */
  private refusal: CommandAnswer | null = null

  constructor(deps: CommandQueueDeps) {
    this.deps = deps
  }

  get idle(): boolean {
    return this.count === 0 && this.preparing === 0
  }

  /** Something waits for its turn. */
  get waits(): boolean {
    return this.waiting.size > 0 || this.ready.length > 0
  }

  get isCrowded(): boolean {
    const { state, rates } = this.deps
    if (state.isShut) return this.count >= MOST_HELD
    return rates.perSecond !== null && this.count >= Math.max(LEAST_HELD, rates.perSecond * HELD_SECONDS)
  }

  add(command: TargetCommand): Withdraw {
    const entry: Entry = { command, state: 'waiting' }
    this.count += 1
    this.deps.state.queued += 1
    if (this.refusal !== null) queueMicrotask(() => this.refuse(entry))
    else {
      const line = this.waiting.get(command.action)
      if (line === undefined) this.waiting.set(command.action, new Set([entry]))
      else line.add(entry)
      this.deps.onReady()
    }
    return () => {
      if (entry.state !== 'waiting') return false
      // Nothing of it stays: a target may be down for days, while commands come and are taken back.
      const line = this.waiting.get(command.action)
      if (line?.delete(entry) === true && line.size === 0) this.waiting.delete(command.action)
      this.ready = this.ready.filter((each) => each.entry !== entry)
      this.over(entry)
      return true
    }
  }

  /** The target was dropped: none is sent any more. */
  drop(): void {
    this.refuseAll({ tag: 'not sent', error: DROPPED })
  }

  /** A stop begins: what is being sent ends, and nothing else is sent. */
  stop(): void {
    this.refuseAll({ tag: 'stopping' })
  }

  /** Nothing is answered any more. */
  close(): void {
    this.timer?.cancel()
    this.refuseAll({ tag: 'cut off' })
  }

  /** Prepares what may go, `room` at most with what is prepared already. */
  prepare(room: number): void {
    const most = Math.min(room, MOST_READY)
    while (this.preparing + this.ready.length < most) {
      const entry = this.next()
      if (entry === null) return
      void this.prepareOne(entry)
    }
  }

  /** Those that go in one send, and are prepared; at most `most`. */
  take(most: number): readonly Ready[] {
    const taken: Ready[] = []
    const freshFromMs = this.deps.clock.monotonicMs() - FRESH_MS
    while (taken.length < most && this.ready.length > 0) {
      const ready = this.ready.shift()!
      if (ready.entry.state !== 'waiting') continue
      if (ready.atMs < freshFromMs) void this.prepareOne(ready.entry)
      else taken.push(ready)
    }
    for (const { entry } of taken) entry.state = 'sending'
    return taken
  }

  async send(target: Target, batch: readonly Ready[]): Promise<void> {
    const { state, clock, health, logSends, signal } = this.deps
    const jobs = batch.map(({ sendable }) => sendable)
    const fromMs = clock.monotonicMs()
    state.counters.sendsTotal += 1
    const outcomes = await this.outcomesOf(target, jobs)
    const ms = clock.monotonicMs() - fromMs
    state.counters.sendTimes.observe(ms)
    const failures = outcomes.map((outcome) => ('kind' in outcome ? outcome : null))
    if (logSends !== null) logSend(logSends, this.deps.target, jobs, failures, ms)
    const isCutOff = signal.aborted
    const at = failures.findIndex((failure) => failure?.kind === 'down')
    if (!isCutOff && at >= 0) health.failed(clampRetryAfter(failures[at]!, jobs[at]!.action.retry.maxMs), fromMs)
    else if (!isCutOff) health.succeeded()
    for (const [i, { entry }] of batch.entries()) {
      const failure = failures[i]!
      if (failure === null) state.counters.deliveredTotal += 1
      else countFailure(state.counters, failure)
      this.over(entry)
      entry.command.answer(failure !== null && isCutOff ? { tag: 'cut off' } : outcomes[i]!)
    }
  }

  private async outcomesOf(target: Target, jobs: readonly Sendable[]): Promise<readonly Outcome[]> {
    const { signal, clock } = this.deps
    try {
      const deadlineMs = Math.max(...jobs.map(({ action }) => action.timeoutMs)) + GRACE_MS
      if (target.ask !== undefined) return [await withDeadline(target.ask(jobs[0]!, signal), deadlineMs, clock)]
      const result = await withDeadline(target.send(jobs, signal), deadlineMs, clock)
      return jobs.map((_, i) => result?.[i] ?? ACKNOWLEDGED)
    } catch (error) {
      const failure = thrownFailure('unknown', error)
      return jobs.map(() => failure)
    }
  }

  /** The next one that no limit holds back; lines of actions take turns. */
  private next(): Entry | null {
    let waitMs = Infinity
    for (const [action, line] of this.waiting) {
      const actionWaitMs = this.deps.rates.take(action, 'commands')
      waitMs = Math.min(waitMs, actionWaitMs)
      if (actionWaitMs > 0) continue
      const [entry] = line as Iterable<Entry> as [Entry]
      line.delete(entry)
      // Behind the others, for the next time.
      this.waiting.delete(action)
      if (line.size > 0) this.waiting.set(action, line)
      return entry
    }
    if (waitMs < Infinity) this.lookAgainIn(waitMs)
    return null
  }

  private lookAgainIn(waitMs: number): void {
    this.timer ??= this.deps.clock.after(Math.ceil(waitMs), () => {
      this.timer = null
      this.deps.onReady()
    })
  }

  private async prepareOne(entry: Entry): Promise<void> {
    this.preparing += 1
    const sendable = await entry.command.prepare()
    this.preparing -= 1
    if (sendable === null) this.over(entry)
    else if (this.refusal !== null) this.refuse(entry)
    else if (entry.state === 'waiting') {
      this.ready.push({ entry, sendable, atMs: this.deps.clock.monotonicMs() })
      this.deps.onReady()
    }
    this.tellIdle()
  }

  private refuseAll(refusal: CommandAnswer): void {
    this.refusal = refusal
    const entries = [
      ...[...this.waiting.values()].flatMap((line) => [...line]),
      ...this.ready.map(({ entry }) => entry),
    ]
    this.waiting.clear()
    this.ready = []
    for (const entry of entries) this.refuse(entry)
  }

  private refuse(entry: Entry): void {
    if (entry.state !== 'waiting') return
    this.over(entry)
    entry.command.answer(this.refusal!)
  }

  private over(entry: Entry): void {
    if (entry.state === 'over') return
    entry.state = 'over'
    this.count -= 1
    this.deps.state.queued -= 1
    this.deps.state.ended += 1
    this.tellIdle()
  }

  private tellIdle(): void {
    if (this.idle) this.deps.onIdle()
  }
}

const ACKNOWLEDGED: Outcome = { tag: 'done', value: null }

const DROPPED = new BingoError('BINGO_TARGET_DROPPED', 'its target was dropped: the command was not sent', {
  retryable: true,
})
