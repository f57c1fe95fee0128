import type { StateStore, Versioned } from '../model/state/state.ts'
import { stateValue } from '../model/state/state-value.ts'
import { compareOrdinals, type Frontiers, type Ordinal, ORDINAL } from './contract.ts'

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
      if (stored !== null && compareOrdinals(this.#parse(key, stored), ordinal) >= 0) return
      const { epoch, number } = ordinal
      if (await this.#state.save(key, JSON.stringify({ epoch, number }), stored?.version ?? null)) return
    }
  }

  async of(share: number): Promise<Ordinal | null> {
    const key = PREFIX + share
    const stored = await this.#state.load(key)
    return stored === null ? null : this.#parse(key, stored)
  }

  #parse(key: string, stored: Versioned): Ordinal {
    return stateValue(this.#state, key, stored, ORDINAL)
  }
}
