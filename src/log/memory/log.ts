import type { Capabilities, LogEntry, LogStats, Place, ReadOptions } from '../../model/state/event-log.ts'
import { logClosed } from '../errors.ts'
import { followPages, oneByOne, Readers, Wake } from '../follow.ts'
import { Acknowledged, placeNumber } from '../places.ts'

/** Entries given to a reader at once. */
const PAGE = 256

/** The entries of a log in memory, and what its groups have acknowledged. */
export class MemoryLog {
  readonly description: string
  readonly can: Capabilities
  readonly #wake = new Wake()
  readonly #readers: Readers
  readonly #groups = new Map<string, Acknowledged>()
  #entries: LogEntry[] = []
  #trimmed = 0
  #bytes = 0
  #closed = false

  constructor(description: string, can: Capabilities) {
    this.description = description
    this.can = can
    this.#readers = new Readers(description)
  }

  /** Place of the entry before the first one. */
  get trimmed(): number {
    return this.#trimmed
  }

  /** Its place is the next one. */
  append(entry: LogEntry): void {
    this.#entries.push(entry)
    this.#bytes += entry.payload.byteLength
  }

  wake(): void {
    this.#wake.ring()
  }

  read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    return oneByOne(this.readPages(from, options), options)
  }

  async *readPages(from: Place | null, options: ReadOptions): AsyncIterable<readonly LogEntry[]> {
    this.check()
    const after = from === null ? 0 : placeNumber(from)
    const leave = this.#readers.enter(options.group)
    try {
      if (options.group !== undefined) this.#join(options.group, after)
      yield* followPages(
        {
          closed: () => this.#closed,
          more: () => this.#wake.next,
          page: (place) => this.#page(place),
          groups: {
            acknowledged: (group) => this.#join(group, 0),
            skip: async (group, places) => this.#join(group, 0).add(places),
          },
        },
        after,
        options,
      )
    } finally {
      leave()
    }
  }

  async ack(group: string, places: readonly Place[]): Promise<void> {
    this.check()
    this.#join(group, 0).add(places.map(placeNumber))
  }

  async trim(before: Place): Promise<number> {
    this.check()
    const wanted = placeNumber(before) - 1
    return this.#remove(this.#groups.size === 0 ? wanted : Math.min(wanted, this.#slowest))
  }

  /** Removes what every group has acknowledged; without one nothing was. */
  trimAcknowledged(): void {
    this.#remove(this.#slowest)
  }

  async stats(): Promise<LogStats> {
    this.check()
    const last = this.#trimmed + this.#entries.length
    return {
      count: this.#entries.length,
      bytes: this.#bytes,
      first: this.#entries[0]?.place ?? null,
      last: this.#entries.at(-1)?.place ?? null,
      groups: [...this.#groups].map(([name, { upTo, ahead }]) => ({
        name,
        acknowledged: upTo === 0 ? null : String(upTo),
        pending: Math.max(0, last - Math.max(upTo, this.#trimmed) - ahead),
      })),
    }
  }

  close(): void {
    this.#closed = true
    this.#wake.ring()
  }

  check(): void {
    if (this.#closed) throw logClosed(this.description)
  }

  #page(after: number): LogEntry[] {
    const from = Math.max(0, after - this.#trimmed)
    return this.#entries.slice(from, from + PAGE)
  }

  #join(name: string, after: number): Acknowledged {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = new Acknowledged(Math.max(after, this.#trimmed))
      this.#groups.set(name, group)
    }
    return group
  }

  get #slowest(): number {
    return this.#groups.size === 0 ? 0 : Math.min(...[...this.#groups.values()].map(({ upTo }) => upTo))
  }

  #remove(upTo: number): number {
    const count = Math.max(0, Math.min(upTo - this.#trimmed, this.#entries.length))
    if (count > 0) for (const { payload } of this.#entries.splice(0, count)) this.#bytes -= payload.byteLength
    this.#trimmed += count
    return count
  }
}
