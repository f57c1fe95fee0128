import { newEntry } from '../posting.ts'
import type { Insert } from '../posting.ts'
import { RecentEntries } from '../recent-entries.ts'
import { partitionOf } from './rows.ts'
import type { PlacedEntry } from './rows.ts'

/** Entries that are looked at, or handed out, at once. */
export const PAGE_ENTRIES = 256
/** Who is further behind asks the server, and need not find them here: they are memory. */
const MOST_BEHIND = 4_096

export interface Page {
  readonly entries: readonly PlacedEntry[]
  /** Everything up to here was looked at … */
  readonly upTo: number
  /** … and there is nothing behind it. */
  readonly isLast: boolean
}

/** How far somebody who reads has looked. */
export interface Reading {
  upTo: number
  /** How many changes were known when the server was last asked. */
  asked: number
}

/**
 * What this instance has appended itself. Whoever has looked at everything in front of that need not ask the server for it:
 * places that follow each other have nothing between them.
 */
export class OwnEntries {
  readonly #recent = new RecentEntries<PlacedEntry>()
  readonly #readings: Reading[] = []
  #changes = 0

  begin(): Reading {
    const reading = { upTo: 0, asked: -1 }
    this.#readings.push(reading)
    return reading
  }

  end(reading: Reading): void {
    this.#readings.splice(this.#readings.indexOf(reading), 1)
    this.#recent.forget(this.#readings.length === 0 ? Infinity : this.lookedAt)
  }

  /** Up to which place everybody who reads has looked; 0: nobody reads. */
  get lookedAt(): number {
    if (this.#readings.length === 0) return 0
    return this.#readings.reduce((least, { upTo }) => Math.min(least, upTo), Infinity)
  }

  /** Events that are stored: the first one that is due has this place, the others follow. */
  add(first: number, inserts: readonly Insert[]): void {
    if (this.#readings.length === 0 || first - this.lookedAt > MOST_BEHIND) return
    let place = first
    for (const insert of inserts) {
      const { event, place: dueNow, progress } = insert.kept
      if (dueNow === 0) continue
      const entry = newEntry(insert, place++, progress.createdAt)
      this.#recent.add({ ...entry, partition: partitionOf(event.key, insert.name) })
    }
  }

  /** There may be entries that are not known here. */
  changed(): void {
    this.#changes += 1
  }

  /** The server is about to be asked. */
  asks(reading: Reading): void {
    reading.asked = this.#changes
  }

  looked(reading: Reading, upTo: number): void {
    reading.upTo = upTo
    this.#recent.forget(this.lookedAt)
  }

  /** What lies right behind the place that somebody has looked up to; null: the server has to be asked. */
  page({ upTo, asked }: Reading): Page | null {
    const { last } = this.#recent
    const entries = this.#recent.behind(upTo, last, PAGE_ENTRIES)
    const newest = entries?.at(-1)?.place
    if (entries === null || newest === undefined) return null
    const end = Number(newest)
    // Whoever else has appended something has done so behind the last one.
    return { entries, upTo: end, isLast: end === last && asked === this.#changes }
  }
}
