import type { SagaPlan } from '../../../src/model/saga/definition.ts'
import type { SagaEvent, SagaInstance, SagaRef } from '../../../src/model/saga/instance.ts'
import type { SagaFilter, SagaListing, SagaPage } from '../../../src/model/saga/store.ts'
import type { OperatorAnswer, SagaCommand, SagaInput, SagaOperations } from '../../../src/sagas/contract.ts'
import { advance } from '../../../src/sagas/machine/advance.ts'
import { sagaEvent } from './plans.ts'

/** Instances of one saga in memory, by the real state machine. */
export class MemorySagas implements SagaOperations {
  readonly by: string[] = []
  readonly #plan: SagaPlan
  readonly #instances = new Map<string, SagaInstance>()

  constructor(plan: SagaPlan) {
    this.#plan = plan
  }

  start(key: string, event: Partial<SagaEvent> = {}): void {
    this.apply(key, { tag: 'start', key, event: { ...sagaEvent(), ...event } })
  }

  apply(key: string, input: SagaInput, now = 1_764_000_000_000): string | null {
    const { instance, ignored } = advance(this.#plan, this.#instances.get(key) ?? null, input, now)
    if (instance !== null) this.#instances.set(key, instance)
    return ignored
  }

  async list({ saga, status, keyPrefix = '' }: SagaFilter, { limit, after }: SagaPage): Promise<SagaListing> {
    const all = [...this.#instances.values()].filter(
      (one) =>
        (saga ?? one.saga) === one.saga && (status?.includes(one.status) ?? true) && one.key.startsWith(keyPrefix),
    )
    const from = after === null ? 0 : Number(after)
    const next = from + limit
    return { instances: all.slice(from, next), next: next < all.length ? String(next) : null }
  }

  async show({ saga, key }: SagaRef): Promise<SagaInstance | null> {
    return saga === this.#plan.id ? (this.#instances.get(key) ?? null) : null
  }

  async act(ref: SagaRef, command: SagaCommand, by: string): Promise<OperatorAnswer> {
    if ((await this.show(ref)) === null) return { tag: 'unknown' }
    this.by.push(by)
    const why = this.apply(ref.key, command)
    return why === null ? { tag: 'done', instance: this.#instances.get(ref.key)! } : { tag: 'refused', why }
  }
}
