import { steadyWallTime, type Clock, type Timer } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Commands } from '../model/delivery/commands.ts'
import type { Log } from '../model/rule/action.ts'
import type { SagaCounters } from '../model/saga/counters.ts'
import type { SagaInstance, SagaRef } from '../model/saga/instance.ts'
import type { SagaSignal, SagaSink } from '../model/saga/sink.ts'
import type { SagaFilter, SagaListing, SagaPage, SagaStore } from '../model/saga/store.ts'
import { withDeadline } from '../model/with-deadline.ts'
import { followSetBack } from './follow-set-back.ts'
import type { CommandOutcome, OperatorAnswer, OutgoingCommand, SagaCommand, SagaOperations } from './contract.ts'
import type { SagaDefinitions } from './definitions.ts'
import { Journal } from './journal.ts'
import { Sender } from './sender.ts'
import { inputOf } from './signal-input.ts'

/** Due instances of one page. */
const PAGE = 500
/** An operator's command may have changed what is due, in the store. */
const MOST_WAIT_MS = 250
const COUNT_EVERY_MS = 5_000
const CLEAN_EVERY_MS = 60_000
const CLEANED_AT_ONCE = 1_000

export interface RunnerDeps {
  readonly store: SagaStore
  readonly definitions: SagaDefinitions
  /** How long ended instances are kept. */
  readonly keepMs: number
  readonly counters: SagaCounters
  readonly clock: Clock
  readonly log: Log
  /** Where commands go, beside the deliveries of rules. */
  readonly commands: Commands
}

/** Runs the sagas of one store: takes what they listen to, sends their commands, and fires their timers. */
export class SagaRunner implements SagaSink, SagaOperations {
  private readonly deps: RunnerDeps
  private readonly journal: Journal
  private readonly sender: Sender
  private readonly now: () => number
  private readonly over = new AbortController()
  private timers: Timer[] = []
  private wake: Timer | null = null
  private looking: Promise<void> | null = null
  private seeking: Promise<void> | null = null
  private epoch = 0
  private closing = false
  private replaced: (error: unknown) => void = () => undefined

  constructor(deps: RunnerDeps) {
    this.deps = deps
    const { clock } = deps
    const steady = steadyWallTime(clock)
    this.now = () => Math.floor(steady())
    const { signal } = this.over
    this.journal = new Journal({
      ...deps,
      now: this.now,
      signal,
      epoch: () => this.epoch,
      hold: (definition) => (this.closing ? () => 0 : this.sender.hold(definition)),
      answersFor: (ref, step, state) => this.sender.answersFor(ref, step, state),
      stored: (instance, commands) => this.sender.stored(deps.definitions.of(instance)!, instance, commands),
    })
    this.sender = new Sender({
      ...deps,
      show: (ref) => this.show(ref),
      answer: (ref, command, outcome) => this.answer(ref, command, outcome),
      stopping: () => (this.closing = true),
    })
  }

  /** Takes the store over, and begins. `failed`: it cannot go on, since another instance has taken over. */
  async start(failed: (error: unknown) => void): Promise<void> {
    const { store, clock } = this.deps
    this.epoch = await store.claim()
    this.replaced = failed
    this.timers = [
      clock.every(COUNT_EVERY_MS, () => void this.quietly(() => this.count())),
      clock.every(CLEAN_EVERY_MS, () => void this.quietly(() => this.clean())),
    ]
    await this.quietly(() => this.count())
    void this.deps.commands.opened.then(() => this.look())
    const { signal } = this.over
    this.seeking = this.quietly(() => followSetBack({ ...this.deps, journal: this.journal, now: this.now, signal }))
  }

  async take(signals: readonly SagaSignal[]): Promise<void> {
    const applied = await this.guarded(() =>
      Promise.all(signals.map((signal) => this.journal.apply(refOf(signal), inputOf(signal), signal.version))),
    )
    for (const { ignored } of applied) if (ignored !== null) this.deps.counters.ignoredTotal += 1
  }

  list(filter: SagaFilter, page: SagaPage): Promise<SagaListing> {
    return this.deps.store.list(filter, page)
  }

  async show(ref: SagaRef): Promise<SagaInstance | null> {
    return (await this.deps.store.load([ref]))[0] ?? null
  }

  async act(ref: SagaRef, command: SagaCommand, by: string): Promise<OperatorAnswer> {
    const { instance, ignored } = await this.journal.apply(ref, command)
    if (instance === null) return { tag: 'unknown' }
    if (ignored !== null) return { tag: 'refused', why: ignored }
    const { saga, key } = ref
    this.deps.log.info(
      { code: 'BINGO_SAGA_OPERATOR', saga, key, command: command.tag, by },
      'an operator changed a saga',
    )
    return { tag: 'done', instance }
  }

  /** Sends nothing more, and stores the answers that come in time. What has none is sent again after the next start. */
  async close(deadlineMs: number): Promise<void> {
    this.closing = true
    for (const timer of this.timers) timer.cancel()
    this.wake?.cancel()
    await withDeadline(this.sender.drain(), deadlineMs, this.deps.clock).catch(() => undefined)
    this.over.abort()
    await this.looking
    await this.seeking
    await this.journal.idle()
  }

  private async answer(ref: SagaRef, command: OutgoingCommand, outcome: CommandOutcome | null): Promise<void> {
    const { step, op, attempt } = command
    // It was cut off: as if the process had died, so that it does not count as an attempt.
    if (outcome === null || (this.over.signal.aborted && outcome.tag !== 'done')) return
    this.deps.counters.commandsTotal[outcome.tag] += 1
    try {
      await this.guarded(() => this.journal.apply(ref, { tag: 'answer', step, op, attempt, outcome }))
    } catch {
      // It stays on its way in the store, and is sent again after the next start.
    }
  }

  /** Fires what is due, and waits for the next. */
  private look(): void {
    if (this.closing) return
    this.looking = this.quietly(async () => {
      const { store } = this.deps
      for (;;) {
        if (this.closing) return
        const due = await store.due(this.now(), PAGE)
        await Promise.all(due.map((instance) => this.journal.apply(instance, { tag: 'tick' })))
        if (due.length < PAGE) return
      }
    }).then(async () => {
      if (this.closing) return
      const next = await this.deps.store.nextDue().catch(() => null)
      const waitMs = Math.min(MOST_WAIT_MS, Math.max(1, (next ?? Infinity) - this.now()))
      this.wake = this.deps.clock.after(waitMs, () => this.look())
    })
  }

  private async count(): Promise<void> {
    this.deps.counters.counts = await this.deps.store.counts()
  }

  private async clean(): Promise<void> {
    const { store, keepMs } = this.deps
    while ((await store.removeEnded(this.now() - keepMs, CLEANED_AT_ONCE)) === CLEANED_AT_ONCE) {
      if (this.over.signal.aborted) return
    }
  }

  /** Another instance that took over ends this one. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof BingoError && error.code === 'BINGO_SAGA_FENCED') this.replaced(error)
      throw error
    }
  }

  private async quietly(work: () => Promise<void>): Promise<void> {
    try {
      await this.guarded(work)
    } catch (error) {
      if (this.over.signal.aborted) return
      const code = error instanceof BingoError ? error.code : 'BINGO_INTERNAL'
      this.deps.log.warn(
        { code, err: error instanceof Error ? error.message : String(error) },
        'sagas cannot be looked at; retrying',
      )
    }
  }
}

function refOf({ saga, key }: SagaSignal): SagaRef {
  return { saga, key }
}
