import type { SagaDefinition, SagaSource } from '../model/saga/definition.ts'
import type { SagaInstance } from '../model/saga/instance.ts'

/** The definitions of the files, and those of before that instances began with. */
export class SagaDefinitions {
  readonly #known = new Map<string, SagaDefinition>()
  #present: readonly SagaDefinition[]
  /** Of which some instance may live. */
  #former: readonly SagaDefinition[] = []

  constructor(present: readonly SagaDefinition[]) {
    this.#present = present
    this.#index()
  }

  /** The files say something else: what they said before is kept for the instances that began with it, as `former` gives it. */
  use(present: readonly SagaDefinition[], former: (gone: SagaDefinition) => SagaDefinition): void {
    const names = new Set(present.map(nameOf))
    const isGone = (each: SagaDefinition): boolean => !names.has(nameOf(each))
    this.#former = [...this.#former.filter(isGone), ...this.#present.filter(isGone).map(former)]
    this.#present = present
    this.#index()
  }

  /** Definitions that the store knows, besides. */
  add(former: readonly SagaDefinition[]): void {
    this.#former = [...this.#former, ...former.filter((each) => !this.#known.has(nameOf(each)))]
    this.#index()
  }

  of({ saga, version }: Pick<SagaInstance, 'saga' | 'version'>): SagaDefinition | undefined {
    return this.#known.get(nameOf({ id: saga, version }))
  }

  knows(source: SagaSource): boolean {
    return this.#known.has(nameOf(source))
  }

  get former(): readonly SagaDefinition[] {
    return this.#former
  }

  #index(): void {
    this.#known.clear()
    for (const each of [...this.#former, ...this.#present]) this.#known.set(nameOf(each), each)
  }
}

function nameOf({ id, version }: Pick<SagaDefinition, 'id' | 'version'>): string {
  return `${id}\0${version}`
}
