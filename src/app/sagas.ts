import type { Commands } from '../model/delivery/commands.ts'
import { BingoError, ProblemsError } from '../model/errors.ts'
import type { Clock } from '../model/clock.ts'
import type { Log } from '../model/rule/action.ts'
import type { RuleSet } from '../model/rule/rule-set.ts'
import { SagaCounters } from '../model/saga/counters.ts'
import type { SagaDefinition, SagaSource } from '../model/saga/definition.ts'
import type { SagaSignal, SagaSink } from '../model/saga/sink.ts'
import type { SagaStore } from '../model/saga/store.ts'
import type { Stats } from '../model/stats.ts'
import { untilItSucceeds, type Patience } from '../model/until-it-succeeds.ts'
import type { SagaOperations } from '../sagas/contract.ts'
import { SagaDefinitions } from '../sagas/definitions.ts'
import type { SagaRunner } from '../sagas/runner.ts'
import { openSagaStore, type StateSettings } from '../state/open.ts'
import type { SagasConfig } from './config/config.ts'

/** Between two attempts to reach the store. */
const MOST_PAUSE_MS = 5_000
/** How long a start waits for sagas that no rules file names: they may be there, and they may not. */
const UNASKED_MS = 20_000

export interface RunningSagasDeps {
  readonly settings: StateSettings
  readonly config: SagasConfig
  readonly stats: Stats
  readonly clock: Clock
  readonly log: Log
  /** Another instance runs the sagas: this one has to end. */
  readonly replaced: (error: unknown) => void
}

/**
 * The sagas of a running instance. Nothing is opened where no rules file defines one and no instance lives of a definition
 * that is gone.
 */
export class RunningSagas implements SagaSink {
  private readonly deps: RunningSagasDeps
  private readonly definitions = new SagaDefinitions([])
  private runner: Promise<SagaRunner> | null = null
  private started: SagaRunner | null = null
  private store: SagaStore | null = null
  private commands: Commands | null = null

  constructor(deps: RunningSagasDeps) {
    this.deps = deps
  }

  /** Learns what lives, before any rule can match; waits for a store that is down. False when `signal` was aborted meanwhile. */
  async begin(rules: RuleSet, signal: AbortSignal): Promise<boolean> {
    this.use(rules)
    const store = await openSagaStore(this.deps.settings, this.deps.config.store)
    const live = await this.live(store, rules, signal).catch(async (error: unknown) => {
      await store.close()
      throw error
    })
    if (live !== null) this.addFormer(live, rules)
    const isUsed = live !== null && ((rules.sagas ?? []).length > 0 || live.length > 0)
    if (isUsed) this.store = store
    else await store.close()
    return !signal.aborted
  }

  /** Begins to run what `begin` has found. */
  async start(commands: Commands): Promise<void> {
    this.commands = commands
    if (this.store !== null) await (this.runner = this.run(this.store))
  }

  /**
   * The definitions that instances live by. Null: aborted, or the store stays away and nobody asked for sagas, since a daemon
   * without any does not wait longer for where they would be.
   */
  private async live(store: SagaStore, rules: RuleSet, signal: AbortSignal): Promise<readonly SagaSource[] | null> {
    const isAsked = this.deps.config.store !== undefined || (rules.sagas ?? []).length > 0
    try {
      return await untilItSucceeds(this.patience(signal, isAsked ? Infinity : UNASKED_MS), () => store.definitions())
    } catch (error) {
      if (signal.aborted) return null
      if (!isRetryable(error)) throw error
      this.deps.log.warn(
        { code: error.code, err: error.message },
        'sagas that began by earlier rules, if there are any, wait for the next start: their store is unavailable',
      )
      return null
    }
  }

  private patience(signal: AbortSignal, mostMs: number): Patience {
    const { clock, log } = this.deps
    const untilMs = clock.monotonicMs() + mostMs
    return {
      clock,
      signal,
      mostPauseMs: MOST_PAUSE_MS,
      passes: (error) => isRetryable(error) && clock.monotonicMs() < untilMs,
      waits: (attempt, error) => {
        const { code, message } = error as BingoError
        if (attempt === 2) log.warn({ code, err: message }, 'sagas wait for their store')
      },
      answers: () => log.info({}, 'the store of sagas answers again'),
    }
  }

  /** The rules in force, with those of former definitions that instances still listen by. */
  withRules(rules: RuleSet): RuleSet {
    const { former } = this.definitions
    if (former.length === 0) return rules
    const listening = former.flatMap((each) => each.rules.map(({ rule }) => rule))
    return { ...rules, rules: [...rules.rules, ...listening], sagas: [...(rules.sagas ?? []), ...former] }
  }

  use(rules: RuleSet): void {
    this.definitions.use(rules.sagas ?? [], (gone) => this.compiled(gone.source, rules) ?? { ...gone, rules: [] })
  }

  async take(signals: readonly SagaSignal[]): Promise<void> {
    this.runner ??= openSagaStore(this.deps.settings, this.deps.config.store).then((store) => this.run(store))
    const runner = await this.runner.catch((error: unknown) => {
      this.runner = null
      throw error
    })
    await runner.take(signals)
  }

  /** Null where none run. */
  get operations(): SagaOperations | null {
    return this.started
  }

  async close(deadlineMs: number): Promise<void> {
    this.started = null
    const runner = await this.runner?.catch(() => null)
    await runner?.close(deadlineMs)
    await this.store?.close()
  }

  private addFormer(live: readonly SagaSource[], rules: RuleSet): void {
    const unknown = live.filter((source) => !this.definitions.knows(source))
    this.definitions.add(unknown.flatMap((source) => this.compiled(source, rules) ?? []))
  }

  /** Undefined where it cannot be used any more: its instances wait, and it is reported. */
  private compiled(source: SagaSource, rules: RuleSet): SagaDefinition | undefined {
    const { stats, log } = this.deps
    const name = `${source.id} ${source.version}`
    try {
      const definition = rules.formerSaga?.(source)
      stats.sagas?.unusable.delete(name)
      return definition
    } catch (error) {
      if (!(error instanceof ProblemsError)) throw error
      const { code, message } = error.problems[0]!
      ;(stats.sagas ??= new SagaCounters()).unusable.set(name, message)
      log.error(
        { code: 'BINGO_SAGA_DEFINITION', saga: source.id, version: source.version, problem: code, err: message },
        'sagas began with a definition that cannot be used any more; they wait until it can',
      )
      return undefined
    }
  }

  private async warnOfRisks(store: SagaStore): Promise<void> {
    const code = 'BINGO_SAGA_STORE_UNSAFE'
    // A store that cannot be asked is said by those who need it.
    const risks = (await store.risks?.().catch(() => [])) ?? []
    for (const { message, hint } of risks) this.deps.log.warn({ code, store: store.description, hint }, message)
  }

  private async run(store: SagaStore): Promise<SagaRunner> {
    const { stats, config, replaced } = this.deps
    const counters = (stats.sagas ??= new SagaCounters())
    const { SagaRunner: Runner } = await import('../sagas/runner.ts')
    const runner = new Runner({
      ...this.deps,
      store,
      definitions: this.definitions,
      keepMs: config.keepMs,
      counters,
      commands: this.commands!,
    })
    try {
      await runner.start(replaced)
    } catch (error) {
      await runner.close(0)
      await store.close()
      this.store = null
      throw error
    }
    this.store = store
    this.started = runner
    void this.warnOfRisks(store)
    return runner
  }
}

function isRetryable(error: unknown): error is BingoError {
  return error instanceof BingoError && error.retryable
}
