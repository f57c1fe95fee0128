import type { Clock } from '../model/clock.ts'
import { BingoError } from '../model/errors.ts'
import type { Log } from '../model/rule/action.ts'
import type { SagaCounters } from '../model/saga/counters.ts'
import type { SagaDefinition, SagaSource } from '../model/saga/definition.ts'
import { hasEnded, type SagaInstance, type SagaRef, type StepState } from '../model/saga/instance.ts'
import type { SagaStore, SagaTransition } from '../model/saga/store.ts'
import { untilItSucceeds } from '../model/until-it-succeeds.ts'
import type { Hold, OutgoingCommand, SagaInput } from './contract.ts'
import type { SagaDefinitions } from './definitions.ts'
import { advance } from './machine/advance.ts'
import { afterSetBack } from './machine/set-back.ts'

/** Inputs of one transaction. */
const MOST_INPUTS = 500
const MOST_PAUSE_MS = 5_000
/** An instance whose definition cannot be used is looked at again. */
const UNUSABLE_PAUSE_MS = 60_000

export interface JournalDeps {
  readonly store: SagaStore
  readonly definitions: SagaDefinitions
  /** Of this process, since it claimed the store. */
  readonly epoch: () => number
  readonly counters: SagaCounters
  readonly clock: Clock
  /** Wall time that nobody sets. */
  readonly now: () => number
  readonly log: Log
  readonly signal: AbortSignal
  /** Which commands of a definition cannot go out now. */
  readonly hold: (definition: SagaDefinition) => Hold
  /** Whether this process is about to answer for a command that is stored as being on its way. */
  readonly answersFor: (ref: SagaRef, step: string, state: StepState) => boolean
  /** The transition is stored that sends these commands, if any. */
  readonly stored: (instance: SagaInstance, commands: readonly OutgoingCommand[]) => void
}

/** What became of an input. */
export interface Applied {
  readonly instance: SagaInstance | null
  readonly ignored: string | null
}

interface Pending {
  readonly ref: SagaRef
  readonly input: SagaInput
  /** Of the definition that the input is for; null: that of the instance. */
  readonly version: string | null
  readonly done: (applied: Applied) => void
  readonly failed: (error: unknown) => void
}

/** An instance while a transaction is being made. */
interface Working {
  instance: SagaInstance | null
  readonly before: SagaInstance | null
  commands: OutgoingCommand[]
}

/**
 * The one place where instances change: what came in while the last transaction was written goes into the next one together.
 * Nothing is sent, and no input is acknowledged, before what it leads to is stored.
 */
export class Journal {
  private readonly deps: JournalDeps
  private pending: Pending[] = []
  private running: Promise<void> | null = null

  constructor(deps: JournalDeps) {
    this.deps = deps
  }

  /** Resolves when it is stored; inputs of one instance are applied in the order of the calls. */
  apply(ref: SagaRef, input: SagaInput, version: string | null = null): Promise<Applied> {
    const { promise, resolve, reject } = Promise.withResolvers<Applied>()
    this.pending.push({ ref, input, version, done: resolve, failed: reject })
    this.running ??= this.run()
    return promise
  }

  /** Everything that was asked for is stored, or has failed. */
  async idle(): Promise<void> {
    while (this.running !== null) await this.running
  }

  private async run(): Promise<void> {
    // What comes in the same turn of the event loop goes together.
    await Promise.resolve()
    while (this.pending.length > 0) {
      const batch = this.pending.splice(0, MOST_INPUTS)
      try {
        await this.write(batch)
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
    this.running = null
  }

  private async write(batch: readonly Pending[]): Promise<void> {
    const { clock, signal, log, counters, store } = this.deps
    const patience = {
      clock,
      signal,
      mostPauseMs: MOST_PAUSE_MS,
      passes: (error: unknown) => error instanceof BingoError && error.retryable,
      waits: (attempt: number, error: unknown) => {
        counters.blocked(clock.now(), error as BingoError)
        const { code, message } = error as BingoError
        if (attempt === 2) log.warn({ code, err: message }, 'sagas wait for their store')
      },
      answers: () => {
        counters.unblocked()
        log.info({ store: store.description }, 'the store of sagas answers again')
      },
    }
    for (let left = batch; left.length > 0;) left = await untilItSucceeds(patience, () => this.attempt(left))
  }

  /** One transaction. Answers the inputs of instances that somebody else has changed meanwhile. */
  private async attempt(batch: readonly Pending[]): Promise<readonly Pending[]> {
    const { store } = this.deps
    const epoch = this.deps.epoch()
    const working = await this.load(batch)
    const results = batch.map((pending) => this.applyTo(working.get(nameOf(pending.ref))!, pending))
    const changed = [...working.values()].filter(({ instance, before }) => instance !== before)
    const transitions = changed.map(({ instance, before }): SagaTransition => ({
      instance: { ...instance!, epoch },
      from: before?.revision ?? 0,
    }))
    const saved = transitions.length === 0 ? [] : await store.save(transitions, this.sourcesOf(changed), epoch)
    const conflicts = new Set(changed.filter((_, i) => !saved[i]))
    for (const each of changed) if (!conflicts.has(each)) this.saved(each)
    return batch.filter((pending, i) => {
      const each = working.get(nameOf(pending.ref))!
      if (conflicts.has(each)) return true
      pending.done({ instance: each.instance, ignored: results[i]! })
      return false
    })
  }

  private async load(batch: readonly Pending[]): Promise<Map<string, Working>> {
    const refs = new Map(batch.map(({ ref }) => [nameOf(ref), ref]))
    const found = await this.deps.store.load([...refs.values()])
    return new Map([...refs.keys()].map((name, i) => [name, this.working(found[i]!)]))
  }

  /** A command that nobody will answer for is sent again: its process is gone, or its transition was stored unseen. */
  private working(instance: SagaInstance | null): Working {
    const working: Working = { instance, before: instance, commands: [] }
    if (instance === null) return working
    const isLost = Object.entries(instance.steps).some(
      ([step, state]) => state.sentAt !== null && !this.deps.answersFor(instance, step, state),
    )
    if (isLost) this.advance(working, { tag: 'lost' })
    return working
  }

  private applyTo(working: Working, { ref, input, version }: Pending): string | null {
    const { instance } = working
    if (instance !== null && version !== null && version !== instance.version && input.tag !== 'start') {
      return 'the instance began with another definition'
    }
    if (instance !== null || input.tag === 'start') {
      return this.advance(working, input, instance?.version ?? version!, ref)
    }
    return 'there is no such instance'
  }

  private advance(working: Working, input: SagaInput, version?: string, ref?: SagaRef): string | null {
    const { definitions, now, hold } = this.deps
    const { instance } = working
    const definition = definitions.of({ saga: (instance ?? ref!).saga, version: instance?.version ?? version! })
    if (definition === undefined) {
      if (instance !== null) working.instance = postponed(instance, now() + UNUSABLE_PAUSE_MS)
      return 'its definition cannot be used'
    }
    const at = now()
    const present = instance === null ? null : afterSetBack(instance, at)
    const advanced = advance(definition, present, input, at, hold(definition))
    working.instance = advanced.instance
    working.commands.push(...advanced.commands)
    return advanced.ignored
  }

  /** Instances begin with definitions that are stored with them. */
  private sourcesOf(changed: readonly Working[]): readonly SagaSource[] {
    const begun = changed.flatMap(({ instance, before }) => (before === null ? [instance!] : []))
    const found = new Set<SagaDefinition>(begun.map((instance) => this.deps.definitions.of(instance)!))
    return [...found].map(({ source }) => source)
  }

  private saved({ instance, before, commands }: Working): void {
    const { counters, definitions, stored, now } = this.deps
    if (before === null) counters.startedTotal += 1
    if (hasEnded(instance!) && (before === null || !hasEnded(before))) {
      counters.ended(instance!.saga, instance!.status, Math.max(0, now() - instance!.startedAt))
    }
    // One whose definition cannot be used sends nothing.
    if (definitions.of(instance!) !== undefined) stored(instance!, commands)
  }
}

function nameOf({ saga, key }: SagaRef): string {
  return `${saga}\0${key}`
}

function postponed(instance: SagaInstance, dueAt: number): SagaInstance {
  return { ...instance, dueAt, revision: instance.revision + 1 }
}
