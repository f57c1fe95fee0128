import { systemClock } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'
import type { Lease } from '../../model/state/lease.ts'
import type { StateStore, Versioned } from '../../model/state/state.ts'
import { newHolder } from '../lease/holder.ts'
import { MemoryLease } from '../lease/memory-lease.ts'
import type { MemoryLeases } from '../lease/memory-lease.ts'

/** State for the life of the process: for trials and tests, where a restart may begin anew. */
export class MemoryStateStore implements StateStore {
  readonly description = 'memory:'
  readonly #values = new Map<string, Versioned>()
  readonly #leases: MemoryLeases = new Map()
  readonly #clock: Pick<Clock, 'monotonicMs'>

  constructor(clock: Pick<Clock, 'monotonicMs'> = systemClock) {
    this.#clock = clock
  }

  load(key: string): Promise<Versioned | null> {
    return Promise.resolve(this.#values.get(key) ?? null)
  }

  save(key: string, value: string, ifVersion: number | null): Promise<boolean> {
    const stored = this.#values.get(key)
    const next = (ifVersion ?? 0) + 1
    if ((stored?.version ?? 0) === (ifVersion ?? 0)) {
      this.#values.set(key, { value, version: next })
      return Promise.resolve(true)
    }
    return Promise.resolve(stored?.version === next && stored.value === value)
  }

  lease(name: string, ttlMs: number): Lease {
    return new MemoryLease(this.#leases, { name, holder: newHolder(), ttlMs, clock: this.#clock })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
