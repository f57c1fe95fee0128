import type { Checkpoint, CheckpointStore } from '../../model/state/checkpoint.ts'
import type { StateStore } from '../../model/state/state.ts'
import { FencedValue } from './fenced-value.ts'
import { CHECKPOINT_KEY, parseCheckpoint, serialiseCheckpoint } from './record.ts'

/** The checkpoint as one value in a store of state. A save with a lower epoch than the stored one is refused. */
export class StateCheckpoints implements CheckpointStore {
  readonly description: string
  readonly #state: StateStore
  readonly #name: string
  readonly #value: FencedValue

  /** Owns `state`: `close` closes it. */
  constructor(state: StateStore, name: string) {
    this.#state = state
    this.#name = name
    this.#value = new FencedValue(state, CHECKPOINT_KEY)
    this.description = state.description
  }

  async load(): Promise<Checkpoint | null> {
    const stored = await this.#value.load()
    return stored === null ? null : parseCheckpoint(stored, this.#name, this.description)
  }

  save(checkpoint: Checkpoint): Promise<void> {
    return this.#value.save(serialiseCheckpoint(checkpoint), checkpoint.epoch)
  }

  close(): Promise<void> {
    return this.#state.close()
  }
}
