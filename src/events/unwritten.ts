import type { Clock } from '../model/clock.ts'

/** What still runs is written once it has run so long: most has ended before, and is written once. */
const YOUNG_MS = 1_000

/** What an event, or the end of a job of one, has to remember of its own place here. */
export class Writable {
  /** To be written now. */
  isDue = false
  /** Of an event that still runs and has not been running for long. */
  young: Young | null = null
}

/** By the monotonic clock. */
interface Running extends Writable {
  readonly readAtMs: number
}

/** The place of an event among the young ones; null when it is young no more. */
interface Young {
  event: Running | null
}

/**
 * Whose status has changed since it was written. In lists, not in sets: while a set is filled and emptied, each table that it gives up
 * leads to the next one, so that an old one keeps all that was in later ones until all memory is searched for garbage.
 */
export class Unwritten<Event extends Running, Other extends Writable> {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  /** In the order in which they changed. */
  #due: (Event | Other)[] = []
  /** In the order in which they were read, about. */
  #young: Young[] = []

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** Without those that can wait. */
  get size(): number {
    return this.#due.length
  }

  get isEmpty(): boolean {
    return this.#due.length === 0 && this.#young.every(({ event }) => event === null)
  }

  changed(event: Event, hasEnded: boolean): void {
    if (!hasEnded && this.#isYoung(event)) {
      if (event.young !== null) return
      event.young = { event }
      this.#young.push(event.young)
      return
    }
    grownUp(event)
    this.add(event)
  }

  add(each: Event | Other): void {
    if (each.isDue) return
    each.isDue = true
    this.#due.push(each)
  }

  /** All of it is due, however young. */
  ripen(): void {
    this.#ripen(() => true)
  }

  /** What is due; it stays here. */
  [Symbol.iterator](): Iterator<Event | Other> {
    return this.#due.values()
  }

  /** Removes what is due, at most `most` of it, and answers it. */
  take(most: number): (Event | Other)[] {
    this.#ripen((event) => !this.#isYoung(event))
    const taken = this.#due
    this.#due = taken.splice(most)
    for (const each of taken) each.isDue = false
    return taken
  }

  /** As far as they are old enough, from the oldest one on. */
  #ripen(isOld: (event: Running) => boolean): void {
    let count = 0
    for (const { event } of this.#young) {
      if (event !== null && !isOld(event)) break
      count += 1
      if (event === null) continue
      grownUp(event)
      this.add(event as Event)
    }
    if (count > 0) this.#young = this.#young.slice(count)
  }

  #isYoung({ readAtMs }: Running): boolean {
    return this.#clock.monotonicMs() - readAtMs < YOUNG_MS
  }
}

/** Nothing leads from its place to it any more: it may be forgotten before that place is. */
function grownUp(event: Running): void {
  if (event.young === null) return
  event.young.event = null
  event.young = null
}
