import { steadyWallTime, type Clock, type Timer } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Log, Target, TargetConfig } from '../model/rule/action.ts'
import type { SagaCounters } from '../model/saga/counters.ts'
import type { SagaInstance, SagaRef } from '../model/saga/instance.ts'
import type { SagaSignal, SagaSink } from '../model/saga/sink.ts'
import type { SagaFilter, SagaListing, SagaPage, SagaStore } from '../model/saga/store.ts'
import { withDeadline } from '../model/with-deadline.ts'
import type { CommandOutcome, OperatorAnswer, OutgoingCommand, SagaCommand, SagaOperations } from './contract.ts'
import type { SagaDefinitions } from './definitions.ts'
import { Journal } from './journal.ts'
import { Sender } from './sender.ts'
import { inputOf } from './signal-input.ts'

/** Due instances of one page. */
const PAGE = 500
/** An operator's command may have changed what is due, in the store. */
const MOST_WAIT_MS = 250
/** Commands on their way, or waiting for their turn: more would only fill memory. */
const MOST_IN_FLIGHT = 20_000
const HOLD_MS = 5_000
/** Behind this many others an instance is read again when its turn comes. */
const KEPT_IN_HAND = 256
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
  readonly openTarget: (target: TargetConfig) => Promise<Target>
}

/** Runs the sagas of one store: takes what they listen to, sends their commands, and fires their timers. */
export class SagaRunner implements SagaSink, SagaOperations {
  private readonly deps: RunnerDeps
  private readonly journal: Journal
  private readonly sender: Sender
  private readonly now: () => number
  private readonly over = new AbortController()
  /** Commands that this process answers for, until their answers are stored. */
  private readonly inFlight = new Set<string>()
  private timers: Timer[] = []
  private wake: Timer | null = null
  private looking: Promise<void> | null = null
  private epoch = 0
  private closing = false
  private drained: () => void = () => undefined
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
      holdMs: () => (this.closing ? 0 : this.inFlight.size >= MOST_IN_FLIGHT ? HOLD_MS : undefined),
      answersFor: (ref, step, { attempts, undoAttempts }) =>
        this.inFlight.has(flightOf(ref, { step, op: 'do', attempt: attempts })) ||
        this.inFlight.has(flightOf(ref, { step, op: 'undo', attempt: undoAttempts })),
      send: (instance, commands) => this.send(instance, commands),
    })
    this.sender = new Sender({ ...deps, signal })
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
    this.look()
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
    if (this.inFlight.size > 0) {
      const drained = new Promise<void>((resolve) => (this.drained = resolve))
      await withDeadline(drained, deadlineMs, this.deps.clock).catch(() => undefined)
    }
    this.over.abort()
    await this.looking
    await this.journal.idle()
    await this.sender.close()
  }

  private send(instance: SagaInstance, commands: readonly OutgoingCommand[]): void {
    const { definitions, counters } = this.deps
    const definition = definitions.of(instance)!
    for (const command of commands) {
      const step = definition.stages.flat().find(({ id }) => id === command.step)!
      const { target } = command.op === 'do' ? step.action : step.compensate!
      const flight = flightOf(instance, command)
      this.inFlight.add(flight)
      counters.inFlight = this.inFlight.size
      let inHand = this.inFlight.size < KEPT_IN_HAND ? instance : null
      const ref = { saga: instance.saga, key: instance.key }
      this.sender.add(target, {
        command,
        find: async () => {
          const found = this.closing ? null : (inHand ?? (await this.show(ref)))
          inHand = null
          return found !== null && isWanted(found, command) ? { definition, instance: found } : null
        },
        answer: (outcome) => void this.answer(ref, command, outcome),
      })
    }
  }

  private async answer(ref: SagaRef, command: OutgoingCommand, outcome: CommandOutcome): Promise<void> {
    const { counters } = this.deps
    const { step, op, attempt } = command
    // It was cut off: as if the process had died, so that it does not count as an attempt.
    const isCutOff = this.over.signal.aborted && outcome.tag !== 'done'
    if (!isCutOff) counters.commandsTotal[outcome.tag] += 1
    try {
      if (isCutOff) return
      await this.guarded(() => this.journal.apply(ref, { tag: 'answer', step, op, attempt, outcome }))
    } catch {
      // It stays on its way in the store, and is sent again after the next start.
    } finally {
      this.inFlight.delete(flightOf(ref, command))
      counters.inFlight = this.inFlight.size
      if (this.inFlight.size === 0) this.drained()
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

function flightOf({ saga, key }: SagaRef, { step, op, attempt }: Omit<OutgoingCommand, 'id'>): string {
  return `${saga}\0${key}\0${step}\0${op}\0${attempt}`
}

function refOf({ saga, key }: SagaSignal): SagaRef {
  return { saga, key }
}

function isWanted({ steps }: SagaInstance, { step, op, attempt }: OutgoingCommand): boolean {
  const state = steps[step]
  if (state === undefined || state.sentAt === null) return false
  if (op === 'undo') return state.status === 'undoing' && state.undoAttempts === attempt
  return state.status === 'sending' && state.attempts === attempt
}
