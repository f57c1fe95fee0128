import type { Capabilities, LogEntry, LogStats, Place, ReadOptions } from '../../model/state/event-log.ts'
import { followPages, oneByOne, Readers, Wake } from '../follow.ts'
import type { IndexLog, PagesFrom } from '../indexed/contract.ts'
import { placeNumber } from '../places.ts'
import type { EventTables } from './event-tables.ts'

export interface SqliteLogDeps {
  readonly closed: () => boolean
  readonly use: <T>(work: (tables: EventTables) => T) => T
  /** In a transaction. */
  readonly write: <T>(work: (tables: EventTables) => T) => Promise<T>
  /** The same, for what a loss of power may take: what is read again then. */
  readonly note: <T>(work: (tables: EventTables) => T) => Promise<T>
  /** Where readers get their entries, if not from the file. */
  readonly pages: PagesFrom | undefined
}

/** The log of a file: what is read by the rules. */
export class SqliteLog implements IndexLog {
  readonly description: string
  readonly can: Capabilities
  readonly #deps: SqliteLogDeps
  readonly #wake = new Wake()
  readonly #readers: Readers

  constructor(description: string, can: Capabilities, deps: SqliteLogDeps) {
    this.description = description
    this.can = can
    this.#deps = deps
    this.#readers = new Readers(description)
  }

  read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    return oneByOne(this.readPages(from, options), options)
  }

  async *readPages(from: Place | null, options: ReadOptions): AsyncIterable<readonly LogEntry[]> {
    const after = from === null ? 0 : placeNumber(from)
    const { group } = options
    const { use, write, note, closed, pages } = this.#deps
    const leave = this.#readers.enter(group)
    try {
      if (group !== undefined) await write(({ groups }) => groups.join(group, after))
      yield* followPages(
        {
          closed,
          more: () => this.#wake.next,
          page: pages ?? ((place) => use((tables) => pageOf(tables, place, group))),
          groups: {
            acknowledged: (name) => use(({ groups }) => groups.of(name)),
            skip: (name, places) => note(({ groups }) => groups.acknowledge(name, places)),
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
    const numbers = places.map(placeNumber)
    await this.#deps.note(({ groups }) => groups.acknowledge(group, numbers))
  }

  async trim(before: Place): Promise<number> {
    const wanted = placeNumber(before) - 1
    return this.#deps.write((tables) => tables.trim(Math.min(wanted, tables.groups.slowest)))
  }

  /** Removes what every group has acknowledged; without one nothing was. */
  async trimAcknowledged(): Promise<void> {
    await this.#deps.write((tables) => {
      if (tables.groups.size > 0) tables.trim(tables.groups.slowest)
    })
  }

  async stats(): Promise<LogStats> {
    return this.#deps.use(({ head: { place, trimmed, bytes }, groups }) => {
      const count = place - trimmed
      return {
        count,
        bytes,
        first: count === 0 ? null : String(trimmed + 1),
        last: count === 0 ? null : String(place),
        groups: groups.stats(count, place),
      }
    })
  }

  async identity(): Promise<string> {
    return this.#deps.use((tables) => `file-${tables.identity()}`)
  }

  async extent(): ReturnType<IndexLog['extent']> {
    return this.#deps.use(({ synced, head: { trimmed } }) => ({ newest: synced, trimmed }))
  }

  async entries(after: number): Promise<readonly LogEntry[]> {
    return this.#deps.use((tables) => {
      tables.hasRead(after)
      return tables.unread(after)
    })
  }

  wake(): void {
    this.#wake.ring()
  }
}

/** Whoever reads for a group is the only one that has to keep up: others find in the file what it has read. */
function pageOf(tables: EventTables, after: number, group: string | undefined): readonly LogEntry[] {
  if (group !== undefined) tables.hasRead(after)
  return tables.page(after)
}
