import { systemClock } from '../../model/clock.ts'
import type { DeadLetter, DeadLetterFilter, DeadLetterStore } from '../../model/delivery/dead-letter.ts'
import { Expiry } from './expiry.ts'
import type { StoreClock } from './expiry.ts'
import { newHolder } from '../lease/holder.ts'
import { MemoryLease } from '../lease/memory-lease.ts'
import type { MemoryLeases } from '../lease/memory-lease.ts'
import { holdLease, RETRY_LEASE_MS } from './hold-lease.ts'
import { filtered, full, parkedKeyOf, parseLetter, serialiseLetter } from './letter.ts'
import type { DeadLetterLimits } from './letter.ts'

/** Dead letters that end with the process: for tests, `tail` and trying things out. */
export class MemoryDeadLetterStore implements DeadLetterStore {
  readonly description = 'memory'
  readonly #limits: DeadLetterLimits
  readonly #expiry: Expiry
  readonly #texts = new Map<string, string>()
  /** Entries per parked key. */
  readonly #parked = new Map<string, number>()
  #bytes = 0
  readonly #leases: MemoryLeases = new Map()
  readonly #clock: StoreClock

  constructor(limits: DeadLetterLimits, clock: StoreClock = systemClock) {
    this.#limits = limits
    this.#clock = clock
    this.#expiry = new Expiry((before) => this.#removeOlder(before), limits.maxAgeMs, clock)
  }

  async add(letters: readonly DeadLetter[]): Promise<readonly string[]> {
    await this.#expiry.run()
    const added = new Map<string, DeadLetter>()
    const released: string[] = []
    const releasedKeys = new Set<string>()
    const parkedNow = new Set<string>()
    for (const letter of letters) {
      if (this.#texts.has(letter.id) || added.has(letter.id)) continue
      const key = parkedKeyOf(letter)
      if (key !== null) {
        const free = letter.state === 'parked' && !this.#parked.has(key) && !parkedNow.has(key)
        if (free || releasedKeys.has(key)) {
          releasedKeys.add(key)
          released.push(letter.id)
          continue
        }
        parkedNow.add(key)
      }
      added.set(letter.id, letter)
    }
    this.#insert([...added.values()])
    return released
  }

  #insert(letters: readonly DeadLetter[]): void {
    const texts = letters.map((letter) => serialiseLetter(letter))
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), this.#bytes)
    const { maxCount, maxBytes } = this.#limits
    if (letters.length > 0 && (this.#texts.size + letters.length > maxCount || bytes > maxBytes)) {
      throw full(this.description)
    }
    this.#bytes = bytes
    for (const [i, letter] of letters.entries()) {
      this.#texts.set(letter.id, texts[i]!)
      const key = parkedKeyOf(letter)
      if (key !== null) this.#parked.set(key, (this.#parked.get(key) ?? 0) + 1)
    }
  }

  async parkedKeys(): Promise<ReadonlySet<string>> {
    return new Set(this.#parked.keys())
  }

  list(filter: DeadLetterFilter): AsyncIterable<DeadLetter> {
    return filtered(this.#all(), filter)
  }

  async *#all(): AsyncIterable<DeadLetter> {
    for (const text of this.#texts.values()) yield this.#read(text)
  }

  #read(text: string): DeadLetter {
    return parseLetter({ text }, this.description)
  }

  async remove(ids: readonly string[]): Promise<number> {
    return this.#removeAll(ids)
  }

  #removeAll(ids: readonly string[]): number {
    let removed = 0
    for (const id of ids) {
      const text = this.#texts.get(id)
      if (text === undefined) continue
      this.#texts.delete(id)
      this.#bytes -= Buffer.byteLength(text)
      this.#unpark(parkedKeyOf(this.#read(text)))
      removed += 1
    }
    return removed
  }

  async #removeOlder(before: number): Promise<void> {
    const ids: string[] = []
    for (const [id, text] of this.#texts) {
      if (this.#read(text).createdAt >= before) break
      ids.push(id)
    }
    this.#removeAll(ids)
  }

  async count(): Promise<number> {
    return this.#texts.size
  }

  #unpark(key: string | null): void {
    if (key === null) return
    const left = this.#parked.get(key)! - 1
    if (left === 0) this.#parked.delete(key)
    else this.#parked.set(key, left)
  }

  lease(): Promise<AsyncDisposable> {
    const options = { name: 'retry', holder: newHolder(), ttlMs: RETRY_LEASE_MS, clock: this.#clock }
    return holdLease(new MemoryLease(this.#leases, options), this.description)
  }

  async close(): Promise<void> {
    this.#texts.clear()
    this.#parked.clear()
  }
}
