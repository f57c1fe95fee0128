import { compareOrdinals, type Frontiers, type Ordinal } from './contract.ts'
import type { StateStore } from '../model/state/state.ts'

const PREFIX = 'scale/frontier/'

/** Beside the checkpoints. One that was replaced and comes late says nothing that is not true. */
export class StoredFrontiers implements Frontiers {
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
  }

  async reached(share: number, ordinal: Ordinal): Promise<void> {
    const key = PREFIX + share
    for (;;) {
      const stored = await this.#state.load(key)
      if (stored !== null && compareOrdinals(parse(stored.value), ordinal) >= 0) return
      const { epoch, number } = ordinal
      if (await this.#state.save(key, JSON.stringify({ epoch, number }), stored?.version ?? null)) return
    }
  }

  async of(share: number): Promise<Ordinal | null> {
    const stored = await this.#state.load(PREFIX + share)
    return stored === null ? null : parse(stored.value)
  }
}

function parse(value: string): Ordinal {
  return JSON.parse(value) as Ordinal
}
