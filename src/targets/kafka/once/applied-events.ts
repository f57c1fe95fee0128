import type { ReplayMark, ReplayWindow } from '../../../model/delivery/delivery-run.ts'

interface Slot {
  readonly number: number
  readonly ids: readonly string[]
  /** When the stored checkpoint has passed this, none of them comes again; null: found at the start. */
  readonly mark: ReplayMark | null
}

/**
 * The events whose records are committed, as long as a restart could bring them again. Each transaction has a slot, whose
 * number is used again once all of its events have passed: the compacted topic keeps as many records as slots.
 */
export class AppliedEvents {
  readonly #window: ReplayWindow | null
  /** How many slots an event is in. */
  readonly #ids = new Set<string>()
  readonly #kept = new Set<string>()
  /** Oldest first. */
  #slots: Slot[] = []
  readonly #found = new Map<number, readonly string[]>()
  #free: number[] = []
  #next = 0

  constructor(window: ReplayWindow | null) {
    this.#window = window
  }

  has(id: string): boolean {
    return this.#ids.has(id) || this.#kept.has(id)
  }

  /** A later record of the slot takes the place of an earlier one. */
  found(slot: number, ids: readonly string[]): void {
    this.#found.set(slot, ids)
    this.#next = Math.max(this.#next, slot + 1)
  }

  /** All has been found. */
  complete(): void {
    this.#slots = [...this.#found].map(([number, ids]) => ({ number, ids, mark: null }))
    for (const { ids } of this.#slots) for (const id of ids) this.#ids.add(id)
    this.#found.clear()
  }

  keep(id: string, isKept: boolean): void {
    if (isKept) this.#kept.add(id)
    else this.#kept.delete(id)
  }

  /** The number of a slot that nothing stands in that could come again. */
  freeSlot(): number {
    this.#forgetWhatPassed()
    return this.#free.at(-1) ?? this.#next
  }

  /** They are committed, in this slot. */
  sent(slot: number, ids: readonly string[]): void {
    if (this.#free.at(-1) === slot) this.#free.pop()
    else this.#next = slot + 1
    for (const id of ids) this.#ids.add(id)
    this.#slots.push({ number: slot, ids, mark: this.#window?.mark() ?? null })
  }

  /** What earlier runs sent counts as passed once this run has read everything, and the checkpoint has passed that. */
  #forgetWhatPassed(): void {
    const window = this.#window
    if (window === null) return
    if (window.caughtUp && this.#slots.some(({ mark }) => mark === null)) {
      const mark = window.mark()
      this.#slots = this.#slots.map((slot) => (slot.mark === null ? { ...slot, mark } : slot))
    }
    while (this.#slots.length > 0) {
      const { number, ids, mark } = this.#slots[0]!
      if (mark === null || !window.passed(mark)) return
      this.#slots.shift()
      this.#free.push(number)
      for (const id of ids) this.#ids.delete(id)
    }
  }
}
