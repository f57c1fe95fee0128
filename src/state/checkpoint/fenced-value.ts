import { BingoError } from '../../model/errors.ts'
import type { StateStore } from '../../model/state/state.ts'
import { fenced, unreachable } from './record.ts'

/** One JSON text in a store of state. A save with a lower `epoch` than the stored one has is refused. */
export class FencedValue {
  readonly #state: StateStore
  readonly #key: string
  /** Undefined: not known. */
  #version: number | null | undefined

  constructor(state: StateStore, key: string) {
    this.#state = state
    this.#key = key
  }

  /** Null when there never was one. */
  async load(): Promise<string | null> {
    const stored = await this.#run(() => this.#state.load(this.#key))
    this.#version = stored?.version ?? null
    return stored?.value ?? null
  }

  /** Rejects with BINGO_CHECKPOINT_FENCED where another run has stored a higher epoch. */
  async save(text: string, epoch: number): Promise<void> {
    for (;;) {
      const version = this.#version
      if (version !== undefined && (await this.#run(() => this.#state.save(this.#key, text, version)))) {
        this.#version = (version ?? 0) + 1
        return
      }
      // The first save, or somebody else has saved: `bingo position set`, or another instance.
      const stored = await this.#loadToReplace()
      const found = stored === null ? 0 : epochOf(stored)
      if (found > epoch) throw fenced(this.#state.description, `epoch ${found} > ${epoch}`)
    }
  }

  /** Whether a text on the path may be replaced is for the store of state to say, when it is told to save. */
  async #loadToReplace(): Promise<string | null> {
    try {
      return await this.load()
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
      throw error instanceof BingoError && !error.retryable
        ? error
        : unreachable(this.#state.description, causeOf(error))
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
