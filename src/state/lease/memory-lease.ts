import type { Clock } from '../../model/clock.ts'
import type { Lease, LeaseAnswer } from '../../model/state/lease.ts'

interface Entry {
  holder: string
  /** On the monotonic clock. */
  untilMs: number
  released: boolean
}

/** The leases of one process, by name. */
export type MemoryLeases = Map<string, Entry>

export interface MemoryLeaseOptions {
  readonly name: string
  readonly holder: string
  readonly ttlMs: number
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** A lease among the parts of one process, which ends with it. */
export class MemoryLease implements Lease {
  readonly description: string
  readonly #leases: MemoryLeases
  readonly #options: MemoryLeaseOptions

  constructor(leases: MemoryLeases, options: MemoryLeaseOptions) {
    this.#leases = leases
    this.#options = options
    this.description = `memory: ${options.name}`
  }

  ask(): Promise<LeaseAnswer> {
    return Promise.resolve(this.#ask())
  }

  #ask(): LeaseAnswer {
    const { name, holder, ttlMs, clock } = this.#options
    const now = clock.monotonicMs()
    const entry = this.#leases.get(name)
    const live = entry !== undefined && now < entry.untilMs
    if (live && !entry.released && entry.holder !== holder) {
      return { tag: 'other', holder: entry.holder, remainingMs: entry.untilMs - now }
    }
    this.#leases.set(name, { holder, untilMs: now + ttlMs, released: false })
    if (live && !entry.released) return { tag: 'held' }
    return { tag: 'taken', after: live ? 'release' : 'silence' }
  }

  release(): Promise<void> {
    const entry = this.#leases.get(this.#options.name)
    if (entry?.holder === this.#options.holder) entry.released = true
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
