import { systemClock } from '../../model/clock.ts'
import type { Clock } from '../../model/clock.ts'
import type { Appended, Capabilities, EventLog, LogEntry, LogRecord, LogStats } from '../../model/state/event-log.ts'
import type { Place, ReadOptions } from '../../model/state/event-log.ts'
import { logClosed, logFull } from '../errors.ts'
import { follow, Wake } from '../follow.ts'
import type { Entries } from '../follow.ts'
import { Acknowledged, placeNumber } from '../places.ts'

export interface MemoryLogOptions {
  readonly maxCount: number
  /** Of payloads. */
  readonly maxBytes: number
  readonly idRetentionMs: number
  readonly clock?: Pick<Clock, 'now' | 'monotonicMs'>
}

/** Entries given to a reader at once. */
const PAGE = 256

interface KnownId {
  readonly place: number
  readonly atMs: number
}

/** A log that ends with the process: for trials, tests, and events that may be lost. */
export class MemoryEventLog implements EventLog {
  readonly description = 'memory:'
  readonly can: Capabilities
  readonly #options: MemoryLogOptions
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>
  readonly #wake = new Wake()
  readonly #groups = new Map<string, Acknowledged>()
  /** In the order of their age. */
  readonly #ids = new Map<string, KnownId>()
  #entries: LogEntry[] = []
  /** Of the entry before the first one. */
  #trimmed = 0
  #bytes = 0
  #closed = false

  constructor(options: MemoryLogOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.can = { durability: 'memory', sharedGroups: false, idRetentionMs: options.idRetentionMs }
  }

  async append(records: readonly LogRecord[]): Promise<readonly Appended[]> {
    if (this.#closed) throw logClosed(this.description)
    this.#forgetIds()
    const fresh = new Map<string, LogRecord>()
    for (const record of records) {
      if (!this.#ids.has(record.id) && !fresh.has(record.id)) fresh.set(record.id, record)
    }
    const bytes = [...fresh.values()].reduce((sum, { payload }) => sum + payload.byteLength, this.#bytes)
    const { maxCount, maxBytes } = this.#options
    if (fresh.size > 0 && (this.#entries.length + fresh.size > maxCount || bytes > maxBytes)) {
      throw logFull(this.description)
    }
    this.#bytes = bytes
    const answers = records.map((record) => this.#insert(record, fresh))
    if (answers.some(({ duplicate }) => !duplicate)) this.#wake.ring()
    return answers
  }

  #insert(record: LogRecord, fresh: ReadonlyMap<string, LogRecord>): Appended {
    const known = this.#ids.get(record.id)
    if (known !== undefined || fresh.get(record.id) !== record) {
      return { place: String(known!.place), duplicate: true }
    }
    const place = this.#trimmed + this.#entries.length + 1
    const { id, type, key, source, at } = record
    const payload = record.payload.slice()
    this.#entries.push({ id, type, key, source, payload, at, place: String(place), appendedAt: this.#clock.now() })
    this.#ids.set(id, { place, atMs: this.#clock.monotonicMs() })
    return { place: String(place), duplicate: false }
  }

  async *read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    const after = from === null ? 0 : placeNumber(from)
    if (options.group !== undefined) this.#join(options.group, after)
    yield* follow(this.#source(), after, options)
  }

  async ack(group: string, places: readonly Place[]): Promise<void> {
    this.#join(group, 0).add(places.map(placeNumber))
  }

  async trim(before: Place): Promise<number> {
    const bounds = [placeNumber(before) - 1, ...[...this.#groups.values()].map(({ upTo }) => upTo)]
    const count = Math.max(0, Math.min(Math.min(...bounds) - this.#trimmed, this.#entries.length))
    for (const { payload } of this.#entries.splice(0, count)) this.#bytes -= payload.byteLength
    this.#trimmed += count
    return count
  }

  async stats(): Promise<LogStats> {
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

  async close(): Promise<void> {
    this.#closed = true
    this.#wake.ring()
  }

  #join(name: string, after: number): Acknowledged {
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = new Acknowledged(Math.max(after, this.#trimmed))
      this.#groups.set(name, group)
    }
    return group
  }

  /** Those whose entry is still there are kept: they would be a second entry. */
  #forgetIds(): void {
    const oldestMs = this.#clock.monotonicMs() - this.#options.idRetentionMs
    for (const [id, { place, atMs }] of this.#ids) {
      if (atMs >= oldestMs || place > this.#trimmed) return
      this.#ids.delete(id)
    }
  }

  #source(): Entries {
    return {
      closed: () => this.#closed,
      more: () => this.#wake.next,
      page: (after) => {
        const from = Math.max(0, after - this.#trimmed)
        return this.#entries.slice(from, from + PAGE)
      },
      acknowledged: (group) => this.#join(group, 0),
      skip: async (group, places) => this.#join(group, 0).add(places),
    }
  }
}
