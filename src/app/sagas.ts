import { ProblemsError } from '../model/errors.ts'
import type { Clock } from '../model/clock.ts'
import type { Log, Target, TargetConfig } from '../model/rule/action.ts'
import type { RuleSet } from '../model/rule/rule.ts'
import { SagaCounters } from '../model/saga/counters.ts'
import type { SagaDefinition, SagaSource } from '../model/saga/definition.ts'
import type { SagaSignal, SagaSink } from '../model/saga/sink.ts'
import type { SagaStore } from '../model/saga/store.ts'
import type { Stats } from '../model/stats.ts'
import type { SagaOperations } from '../sagas/contract.ts'
import { SagaDefinitions } from '../sagas/definitions.ts'
import type { SagaRunner } from '../sagas/runner.ts'
import { openSagaStore, type StateSettings } from '../state/open.ts'
import type { SagasConfig } from './config/config.ts'

export interface RunningSagasDeps {
  readonly settings: StateSettings
  readonly config: SagasConfig
  readonly stats: Stats
  readonly clock: Clock
  readonly log: Log
  readonly openTarget: (target: TargetConfig) => Promise<Target>
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

  constructor(deps: RunningSagasDeps) {
    this.deps = deps
  }

  /** Before any rule can match. */
  async begin(rules: RuleSet): Promise<void> {
    this.use(rules)
    const { settings, config } = this.deps
    const isOrdered = config.store !== undefined || (rules.sagas ?? []).length > 0
    if (!isOrdered && /^\w*(redis|sentinel)/i.test(settings.deadLetters ?? settings.checkpoint)) return
    const store = await openSagaStore(settings, config.store)
    const live = await store.definitions().catch(async (error: unknown) => {
      await store.close()
      throw error
    })
    if ((rules.sagas ?? []).length === 0 && live.length === 0) {
      await store.close()
      return
    }
    this.addFormer(live, rules)
    await (this.runner = this.run(store))
  }

  /** The rules in force, with those of former definitions that instances still listen by. */
  withRules(rules: RuleSet): RuleSet {
    const { former } = this.definitions
    if (former.length === 0) return rules
    return { ...rules, rules: [...rules.rules, ...former.flatMap((each) => each.rules.map(({ rule }) => rule))] }
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

  private async run(store: SagaStore): Promise<SagaRunner> {
    const { stats, config, replaced } = this.deps
    const counters = (stats.sagas ??= new SagaCounters())
    const { SagaRunner: Runner } = await import('../sagas/runner.ts')
    const runner = new Runner({ ...this.deps, store, definitions: this.definitions, keepMs: config.keepMs, counters })
    try {
      await runner.start(replaced)
    } catch (error) {
      await runner.close(0)
      await store.close()
      throw error
    }
    this.store = store
    this.started = runner
    return runner
  }
}
