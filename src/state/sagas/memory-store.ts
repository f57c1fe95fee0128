import type { SagaSource } from '../../model/saga/definition.ts'
import { hasEnded, type SagaInstance, type SagaRef } from '../../model/saga/instance.ts'
import type { SagaCount, SagaFilter, SagaListing, SagaPage, SagaStore, SagaTransition } from '../../model/saga/store.ts'
import { fenced, isInFlight, placeOf } from './texts.ts'

interface Kept {
  readonly id: number
  instance: SagaInstance
}

/** Sagas that end with the process: for tests, and for trying things out. */
export class MemorySagaStore implements SagaStore {
  readonly description = 'memory'
  readonly #byRef = new Map<string, Kept>()
  readonly #sources = new Map<string, SagaSource>()
  #lastId = 0
  #epoch = 0

  async claim(): Promise<number> {
    this.#epoch += 1
    for (const kept of this.#byRef.values()) {
      if (isInFlight(kept.instance)) kept.instance = { ...kept.instance, dueAt: 0 }
    }
    return this.#epoch
  }

  async load(refs: readonly SagaRef[]): Promise<readonly (SagaInstance | null)[]> {
    return refs.map((ref) => this.#byRef.get(refText(ref))?.instance ?? null)
  }

  async save(
    transitions: readonly SagaTransition[],
    definitions: readonly SagaSource[],
    epoch: number | null,
  ): Promise<readonly boolean[]> {
    if (epoch !== null && this.#epoch > epoch) throw fenced(epoch, this.#epoch)
    for (const source of definitions) this.#sources.set(`${source.id}\0${source.version}`, source)
    return transitions.map(({ instance, from }) => {
      const ref = refText(instance)
      const kept = this.#byRef.get(ref)
      if ((kept?.instance.revision ?? 0) !== from) return false
      if (kept === undefined) this.#byRef.set(ref, { id: ++this.#lastId, instance })
      else kept.instance = instance
      return true
    })
  }

  async due(now: number, limit: number): Promise<readonly SagaInstance[]> {
    const due: SagaInstance[] = []
    for (const { instance } of this.#byRef.values()) {
      if (instance.dueAt !== null && instance.dueAt <= now) due.push(instance)
    }
    return due.toSorted((a, b) => a.dueAt! - b.dueAt!).slice(0, limit)
  }

  async nextDue(): Promise<number | null> {
    let next = Infinity
    for (const { instance } of this.#byRef.values()) next = Math.min(next, instance.dueAt ?? Infinity)
    return next === Infinity ? null : next
  }

  async definitions(): Promise<readonly SagaSource[]> {
    const used = new Set(this.#instances().map(({ saga, version }) => `${saga}\0${version}`))
    return [...this.#sources].flatMap(([name, source]) => (used.has(name) ? [source] : []))
  }

  async list({ saga, status, keyPrefix }: SagaFilter, page: SagaPage): Promise<SagaListing> {
    const place = placeOf(page)
    const found = [...this.#byRef.values()]
      .filter(
        ({ instance, id }) =>
          (saga === undefined || instance.saga === saga) &&
          (status === undefined || status.includes(instance.status)) &&
          (keyPrefix === undefined || instance.key.startsWith(keyPrefix)) &&
          (place === null || instance.startedAt < place[0] || (instance.startedAt === place[0] && id < place[1])),
      )
      .toSorted((a, b) => b.instance.startedAt - a.instance.startedAt || b.id - a.id)
    const shown = found.slice(0, page.limit)
    const last = shown.at(-1)
    const next = found.length > shown.length && last !== undefined ? `${last.instance.startedAt}-${last.id}` : null
    return { instances: shown.map(({ instance }) => instance), next }
  }

  async counts(): Promise<readonly SagaCount[]> {
    const groups = Map.groupBy(this.#instances(), ({ saga, status }) => `${saga}\0${status}`)
    return [...groups.values()].map((instances) => ({
      saga: instances[0]!.saga,
      status: instances[0]!.status,
      count: instances.length,
      oldestMs: Math.min(...instances.map(({ startedAt }) => startedAt)),
    }))
  }

  async removeEnded(endedBefore: number, limit: number): Promise<number> {
    const gone = this.#instances()
      .filter((instance) => hasEnded(instance) && instance.endedAt! < endedBefore)
      .slice(0, limit)
    for (const instance of gone) this.#byRef.delete(refText(instance))
    return gone.length
  }

  async close(): Promise<void> {
    this.#byRef.clear()
  }

  #instances(): SagaInstance[] {
    return [...this.#byRef.values()].map(({ instance }) => instance)
  }
}

function refText({ saga, key }: SagaRef): string {
  return `${saga}\0${key}`
}
