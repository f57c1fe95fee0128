import type { LogEntry } from '../model/state/event-log.ts'

/** What is kept; a reader that is further behind reads what is stored. */
const MOST_ENTRIES = 16_384
const MOST_BYTES = 8 << 20

/**
 * The newest entries of a log: a reader that is close behind need not read, and parse again, what this process has just
 * written.
 */
export class RecentEntries<Entry extends LogEntry = LogEntry> {
  /** Of places that follow each other. */
  #entries: Entry[] = []
  /** Place of the last one. */
  #last = 0
  #bytes = 0

  /** Nothing is kept from before a place that is left out. */
  add(entry: Entry): void {
    const place = Number(entry.place)
    if (place !== this.#last + 1) this.#drop(this.#entries.length)
    this.#entries.push(entry)
    this.#last = place
    this.#bytes += entry.payload.byteLength
    while (this.#entries.length > MOST_ENTRIES || this.#bytes > MOST_BYTES) {
      this.#drop(Math.ceil(this.#entries.length / 2))
    }
  }

  /** Place of the newest entry that was ever kept; 0: there was none. */
  get last(): number {
    return this.#last
  }

  /** At most `most` entries behind a place, up to another; null: they are not all here. */
  behind(after: number, upTo: number, most: number): readonly Entry[] | null {
    const from = after + 1 - this.#first
    if (from < 0 || upTo > this.#last) return null
    return this.#entries.slice(from, Math.min(from + most, upTo + 1 - this.#first))
  }

  /** Those up to this place were read. */
  forget(upTo: number): void {
    this.#drop(Math.min(upTo + 1 - this.#first, this.#entries.length))
  }

  /** Those behind this place were not written. */
  takeBack(newest: number): void {
    if (newest >= this.#last) return
    for (const { payload } of this.#entries.splice(Math.max(0, newest + 1 - this.#first))) {
      this.#bytes -= payload.byteLength
    }
    this.#last = newest
  }

  get #first(): number {
    return this.#last + 1 - this.#entries.length
  }

  #drop(count: number): void {
    if (count <= 0) return
    for (const { payload } of this.#entries.splice(0, count)) this.#bytes -= payload.byteLength
  }
}
