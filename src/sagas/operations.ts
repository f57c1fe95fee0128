import { BingoError } from '../model/errors.ts'
import type { SagaDefinition } from '../model/saga/definition.ts'
import type { SagaInstance, SagaRef } from '../model/saga/instance.ts'
import type { SagaSignal, SagaSink } from '../model/saga/sink.ts'
import type { SagaFilter, SagaListing, SagaPage, SagaStore } from '../model/saga/store.ts'
import { inputOf } from './signal-input.ts'
import type { OperatorAnswer, SagaCommand, SagaInput, SagaOperations } from './contract.ts'
import { advance } from './machine/advance.ts'

const ATTEMPTS = 5

/** What names a definition. */
type DefinitionName = Pick<SagaInstance, 'saga' | 'version'>

/** Of a store beside whatever runs its sagas, which takes the changes over and sends what they lead to. */
export class StoreOperations implements SagaOperations, SagaSink {
  private readonly store: SagaStore
  private readonly definitionOf: (of: DefinitionName) => SagaDefinition | undefined
  private readonly now: () => number

  /** `definitionOf`: the definition that the instance began with; undefined where it cannot be used. */
  constructor(store: SagaStore, definitionOf: (of: DefinitionName) => SagaDefinition | undefined, now: () => number) {
    this.store = store
    this.definitionOf = definitionOf
    this.now = now
  }

  list(filter: SagaFilter, page: SagaPage): Promise<SagaListing> {
    return this.store.list(filter, page)
  }

  async show(ref: SagaRef): Promise<SagaInstance | null> {
    return (await this.store.load([ref]))[0] ?? null
  }

  act(ref: SagaRef, command: SagaCommand): Promise<OperatorAnswer> {
    return this.apply(ref, command, null)
  }

  /** Events that are taken again, after they were dead letters. */
  async take(signals: readonly SagaSignal[]): Promise<void> {
    for (const signal of signals) await this.apply(signal, inputOf(signal), signal.version)
  }

  /** `version`: of the definition that the input is for; null: that of the instance. */
  private async apply(ref: SagaRef, input: SagaInput, version: string | null): Promise<OperatorAnswer> {
    const { saga, key } = ref
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const before = await this.show({ saga, key })
      if (before === null && input.tag !== 'start') return { tag: 'unknown' }
      if (before !== null && version !== null && version !== before.version) {
        return { tag: 'refused', why: 'the instance began with another definition' }
      }
      const definition = this.definitionOf({ saga, version: before?.version ?? version! })
      if (definition === undefined) return { tag: 'refused', why: 'the definition that it began with cannot be used' }
      const { instance, ignored } = advance(definition, before, input, this.now(), () => 0)
      if (ignored !== null) return { tag: 'refused', why: ignored }
      if (instance === null || instance === before) return { tag: 'done', instance: before! }
      const begun = before === null ? [definition.source] : []
      const [isSaved] = await this.store.save([{ instance, from: before?.revision ?? 0 }], begun, null)
      if (isSaved === true) return { tag: 'done', instance }
    }
    throw new BingoError('BINGO_SAGA_BUSY', `The saga ${ref.saga} of ${ref.key} changes all the time`, {
      retryable: true,
      hint: 'Run the command again.',
    })
  }
}
