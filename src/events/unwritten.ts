import type { Clock } from '../model/clock.ts'

/** What still runs is written once it has run so long: most has ended before, and is written once. */
const YOUNG_MS = 1_000

interface Running {
  /** By the monotonic clock. */
  readonly readAtMs: number
}

/** Whose status has changed since it was written. */
export class Unwritten<Event extends Running, Other> {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  /** To be written now, in the order in which they changed. */
  readonly #due = new Set<Event | Other>()
  /** Those that still run and have not been running for long. */
  readonly #young = new Set<Event>()

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** Without those that can wait. */
  get size(): number {
    return this.#due.size
  }

  get isEmpty(): boolean {
    return this.#due.size === 0 && this.#young.size === 0
  }

  changed(event: Event, hasEnded: boolean): void {
    if (!hasEnded && this.#isYoung(event)) {
      this.#young.add(event)
      return
    }
    this.#young.delete(event)
    this.#due.add(event)
  }

  add(each: Event | Other): void {
    this.#due.add(each)
  }

  has(each: Event | Other): boolean {
    return this.#due.has(each)
  }

  /** All of it is due, however young. */
  ripen(): void {
    for (const event of this.#young) this.#due.add(event)
    this.#young.clear()
  }

  /** What is due; it stays here. */
  *[Symbol.iterator](): Iterator<Event | Other> {
    yield* this.#due
  }

  /** Removes what is due, at most `most` of it, and answers it. */
  take(most: number): (Event | Other)[] {
    for (const event of this.#young) {
      // They are in the order in which they were read, about.
      if (this.#isYoung(event)) break
      this.#young.delete(event)
      this.#due.add(event)
    }
    const taken: (Event | Other)[] = []
    for (const each of this.#due) {
      if (taken.length === most) break
      taken.push(each)
      this.#due.delete(each)
    }
    return taken
  }

  #isYoung({ readAtMs }: Running): boolean {
    return this.#clock.monotonicMs() - readAtMs < YOUNG_MS
  }
}
