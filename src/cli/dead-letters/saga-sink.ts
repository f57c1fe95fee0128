import type { Config } from '../../app/config/config.ts'
import { stateSettings } from '../../app/state-settings.ts'
import type { Log } from '../../model/rule/action.ts'
import type { RuleSet } from '../../model/rule/rule-set.ts'
import type { SagaSignal, SagaSink } from '../../model/saga/sink.ts'
import type { SagaStore } from '../../model/saga/store.ts'
import { StoreOperations } from '../../sagas/operations.ts'
import { openSagaStore } from '../../state/open.ts'

/** Takes events for sagas whose dead letters are retried. The running instance sends what they lead to. */
export class RetriedSagas implements SagaSink, AsyncDisposable {
  private readonly config: Config
  private readonly rules: RuleSet
  private readonly log: Log
  private store: SagaStore | null = null

  constructor(config: Config, rules: RuleSet, log: Log) {
    this.config = config
    this.rules = rules
    this.log = log
  }

  async take(signals: readonly SagaSignal[]): Promise<void> {
    const { config, rules, log } = this
    this.store ??= await openSagaStore(stateSettings(config, log), config.sagas.store)
    const definitionOf = ({ saga, version }: { readonly saga: string; readonly version: string }) =>
      rules.sagas?.find((each) => each.id === saga && each.version === version)
    await new StoreOperations(this.store, definitionOf, () => Date.now()).take(signals)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store?.close()
  }
}
