import type { Checkpoint, CheckpointStore } from '../../model/checkpoint.ts'
import { BingoError } from '../../model/errors.ts'
import type { StateStore } from '../../model/state.ts'
import { CHECKPOINT_KEY, fenced, parseCheckpoint, serialiseCheckpoint, unreachable } from './record.ts'

/** The checkpoint as one value in a store of state. A save with a lower epoch than the stored one is refused. */
export class StateCheckpoints implements CheckpointStore {
  readonly description: string
  readonly #state: StateStore
  readonly #name: string
  /** Undefined: not known. */
  #version: number | null | undefined

  /** Owns `state`: `close` closes it. */
  constructor(state: StateStore, name: string) {
    this.#state = state
    this.#name = name
    this.description = state.description
  }

  async load(): Promise<Checkpoint | null> {
    const stored = await this.#load()
    return stored === null ? null : parseCheckpoint(stored, this.#name, this.description)
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const text = serialiseCheckpoint(checkpoint)
    for (;;) {
      const version = this.#version
      if (version !== undefined && (await this.#run(() => this.#state.save(CHECKPOINT_KEY, text, version)))) {
        this.#version = (version ?? 0) + 1
        return
      }
      // The first save, or somebody else has saved: `bingo position set`, or another instance.
      const stored = await this.#loadToReplace()
      const epoch = stored === null ? 0 : epochOf(stored)
      if (epoch > checkpoint.epoch) throw fenced(this.description, `epoch ${epoch} > ${checkpoint.epoch}`)
    }
  }

  close(): Promise<void> {
    return this.#state.close()
  }

  async #load(): Promise<string | null> {
    const stored = await this.#run(() => this.#state.load(CHECKPOINT_KEY))
    this.#version = stored?.version ?? null
    return stored?.value ?? null
  }

  /** Whether a text on the path may be replaced is for the store of state to say, when it is told to save. */
  async #loadToReplace(): Promise<string | null> {
    try {
      return await this.#load()
    } catch (error) {
      if (!(error instanceof BingoError) || !/^BINGO_CHECKPOINT_(CORRUPT|FOREIGN|AHEAD)$/.test(error.code)) throw error
      this.#version = null
      return null
    }
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw error instanceof BingoError && !error.retryable ? error : unreachable(this.description, causeOf(error))
    }
  }
}

/** 0 for what cannot be read: `load` has refused it long before. */
function epochOf(stored: string): number {
  try {
    const { epoch } = JSON.parse(stored) as { epoch?: unknown }
    return typeof epoch === 'number' ? epoch : 0
  } catch {
    return 0
  }
}

/** The reason alone: the message names the store already. */
function causeOf(error: unknown): unknown {
  return error instanceof BingoError && error.cause !== undefined ? error.cause : error
}
