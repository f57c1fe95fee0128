import type { Lease, LeaseAnswer } from '../../model/state/lease.ts'

/** Stands for whoever has it: that shares are with others is how it should be, and changes often. */
export const ENOUGH = 'another worker'

/** Which shares this worker holds; it asks for no more of them than are its own. */
export class ShareLeases {
  readonly held = new Set<number>()
  readonly #asking = new Set<number>()
  readonly #quota: () => number

  constructor(quota: () => number) {
    this.#quota = quota
  }

  /** How many it has more than it is to have. */
  get surplus(): number {
    return Math.max(0, this.held.size - this.#quota())
  }

  guard(share: number, lease: Lease): Lease {
    return {
      description: lease.description,
      ask: () => this.#ask(share, lease),
      release: async () => {
        await lease.release()
        this.held.delete(share)
      },
      close: async () => {
        this.held.delete(share)
        await lease.close()
      },
    }
  }

  async #ask(share: number, lease: Lease): Promise<LeaseAnswer> {
    if (!this.held.has(share) && this.held.size + this.#asking.size >= this.#quota()) {
      return { tag: 'other', holder: ENOUGH, remainingMs: 0 }
    }
    this.#asking.add(share)
    try {
      const answer = await lease.ask()
      if (answer.tag === 'other') {
        this.held.delete(share)
        return { ...answer, holder: ENOUGH }
      }
      this.held.add(share)
      return answer
    } finally {
      this.#asking.delete(share)
    }
  }
}
