import type { Place } from '../../model/state/event-log.ts'

interface InFlight {
  readonly place: Place
  readonly at: number
}

/** Entries that were read and are not acknowledged, in the order read. Places are opaque: they are only equal or not. */
export class PlacesInFlight {
  private entries: InFlight[] = []
  private head = 0
  private readonly known = new Set<Place>()
  /** Acknowledging them failed. */
  private owed: Place[] = []
  private last: Place | null = null

  /** The last one read; null before the first. */
  get newest(): Place | null {
    return this.last
  }

  get size(): number {
    return this.entries.length - this.head + this.owed.length
  }

  get oldestAt(): number | null {
    return this.entries[this.head]?.at ?? null
  }

  add(place: Place, at: number): void {
    this.last = place
    this.known.add(place)
    this.entries.push({ place, at })
  }

  /** Takes out everything up to this place; nothing where it is not known (any more). */
  upTo(place: Place): Place[] {
    if (!this.known.has(place)) return []
    const taken = this.owed
    this.owed = []
    for (let found = false; !found; this.head += 1) {
      const entry = this.entries[this.head]!
      found = entry.place === place
      this.known.delete(entry.place)
      taken.push(entry.place)
    }
    if (this.head > 1_024 && this.head * 2 > this.entries.length) {
      this.entries.splice(0, this.head)
      this.head = 0
    }
    return taken
  }

  putBack(places: readonly Place[]): void {
    this.owed.push(...places)
  }
}
