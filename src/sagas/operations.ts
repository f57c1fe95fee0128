import { BingoError } from '../model/errors.ts'
import type { SagaDefinition } from '../model/saga/definition.ts'
import type { SagaInstance, SagaRef } from '../model/saga/instance.ts'
import type { SagaFilter, SagaListing, SagaPage, SagaStore } from '../model/saga/store.ts'
import type { OperatorAnswer, SagaCommand, SagaOperations } from './contract.ts'
import { advance } from './machine/advance.ts'

const ATTEMPTS = 5

/** Of a store beside whatever runs its sagas, which takes the changes over and sends what they lead to. */
export class StoreOperations implements SagaOperations {
  private readonly store: SagaStore
  private readonly definitionOf: (instance: SagaInstance) => SagaDefinition | undefined
  private readonly now: () => number

  /** `definitionOf`: the definition that the instance began with; undefined where it cannot be used. */
  constructor(
    store: SagaStore,
    definitionOf: (instance: SagaInstance) => SagaDefinition | undefined,
    now: () => number,
  ) {
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

  async act(ref: SagaRef, command: SagaCommand): Promise<OperatorAnswer> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const before = await this.show(ref)
      if (before === null) return { tag: 'unknown' }
      const definition = this.definitionOf(before)
      if (definition === undefined) return { tag: 'refused', why: 'the definition that it began with cannot be used' }
      const { instance, ignored } = advance(definition, before, command, this.now(), 0)
      if (ignored !== null) return { tag: 'refused', why: ignored }
      if (instance === null || instance === before) return { tag: 'done', instance: before }
      const [isSaved] = await this.store.save([{ instance, from: before.revision }], [], null)
      if (isSaved === true) return { tag: 'done', instance }
    }
    throw new BingoError('BINGO_SAGA_BUSY', `The saga ${ref.saga} of ${ref.key} changes all the time`, {
      retryable: true,
      hint: 'Run the command again.',
    })
  }
}
