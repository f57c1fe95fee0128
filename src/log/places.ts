import type { Place } from '../model/state/event-log.ts'
import { invalidPlace } from './errors.ts'

/** Places are whole numbers that count up by one, as decimal text. */
export function placeNumber(place: Place): number {
  const number = Number(place)
  if (!/^\d{1,16}$/.test(place) || !Number.isSafeInteger(number)) throw invalidPlace(place)
  return number
}

/** What a group has acknowledged: everything up to a place, and single places behind it. */
export class Acknowledged {
  readonly #ahead = new Set<number>()
  #upTo: number

  constructor(upTo: number, ahead: Iterable<number> = []) {
    this.#upTo = upTo
    this.add(ahead)
  }

  get upTo(): number {
    return this.#upTo
  }

  /** How many behind `upTo`. */
  get ahead(): number {
    return this.#ahead.size
  }

  add(places: Iterable<number>): void {
    for (const place of places) if (place > this.#upTo) this.#ahead.add(place)
    while (this.#ahead.delete(this.#upTo + 1)) this.#upTo += 1
  }

  has(place: number): boolean {
    return place <= this.#upTo || this.#ahead.has(place)
  }
}
