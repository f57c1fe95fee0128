import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../core/dead-letter.ts'
import { expire, filtered, full, parkedKey, parseLetter, serialiseLetter } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'

/** Dead letters that end with the process: for tests, `tail` and trying things out. */
export class MemoryDeadLetterStore implements DeadLetterStore {
  readonly description = 'memory'
  readonly #limits: DeadLetterLimits
  readonly #now: () => number
  readonly #texts = new Map<string, string>()
  #bytes = 0

  constructor(limits: DeadLetterLimits, now: () => number = Date.now) {
    this.#limits = limits
    this.#now = now
  }

  async add(letters: readonly DeadLetter[]): Promise<void> {
    await expire(this, this.#limits.maxAgeMs, this.#now())
    const added = new Map<string, string>()
    let bytes = this.#bytes
    for (const letter of letters) {
      if (this.#texts.has(letter.id) || added.has(letter.id)) continue
      const text = serialiseLetter(letter)
      added.set(letter.id, text)
      bytes += Buffer.byteLength(text)
    }
    if (added.size === 0) return
    if (this.#texts.size + added.size > this.#limits.maxCount || bytes > this.#limits.maxBytes)
      throw full(this.description)
    for (const [id, text] of added) this.#texts.set(id, text)
    this.#bytes = bytes
  }

  async parkedKeys(): Promise<ReadonlySet<string>> {
    const keys = new Set<string>()
    for await (const letter of this.#all()) {
      const key = parkedKey(letter)
      if (key !== null) keys.add(key)
    }
    return keys
  }

  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    return filtered(this.#all(), filter)
  }

  async *#all(): AsyncIterable<DeadLetter> {
    for (const text of this.#texts.values()) yield parseLetter(text, this.description)
  }

  async remove(ids: readonly string[]): Promise<number> {
    let removed = 0
    for (const id of ids) {
      const text = this.#texts.get(id)
      if (text === undefined) continue
      this.#texts.delete(id)
      this.#bytes -= Buffer.byteLength(text)
      removed += 1
    }
    return removed
  }

  async count(): Promise<number> {
    return this.#texts.size
  }

  async close(): Promise<void> {
    this.#texts.clear()
  }
}
