import { orAborted } from '../../model/aborted.ts'
import type { Clock } from '../../model/clock.ts'
import type { Capabilities, LogEntry, LogStats, Place, ReadOptions } from '../../model/state/event-log.ts'
import { typePattern } from '../../model/event/posted/type-pattern.ts'
import { Readers, Wake } from '../follow.ts'
import { logClosed } from '../errors.ts'
import { placeNumber } from '../places.ts'
import type { Insert } from '../posting.ts'
import type { EventRedis } from './connection.ts'
import { PAGE, STATS, TRIM } from './log-scripts.ts'
import { OwnEntries, PAGE_ENTRIES } from './own-entries.ts'
import type { Page, Reading } from './own-entries.ts'
import { entryOf } from './rows.ts'
import type { Share } from './share.ts'
import { Shares } from './shares.ts'
import { Watch } from './watch.ts'

/** Handed out at once, about. */
const PAGE_BYTES = 4 << 20

export interface RedisLogDeps {
  readonly redis: EventRedis
  readonly closed: () => boolean
  /** A post waits for its answer. */
  readonly isPosting: () => boolean
  readonly clock: Clock
  /** Instance name. */
  readonly name: string
  readonly can: () => Capabilities
}

/** The log in Redis: one stream, divided by key among the instances that read a group. */
export class RedisLog {
  readonly description: string
  readonly #deps: RedisLogDeps
  readonly #wake = new Wake()
  readonly #own = new OwnEntries()
  readonly #readers: Readers
  readonly #shares: Shares
  readonly #watch: Watch

  constructor(description: string, deps: RedisLogDeps) {
    this.description = description
    this.#deps = deps
    this.#readers = new Readers(description)
    const { redis, clock, name, closed, isPosting } = deps
    const changed = (): void => this.changed()
    this.#shares = new Shares({ redis, clock, name, log: description, grown: changed })
    this.#watch = new Watch({ redis, clock, closed, isPosting, lookedAt: () => this.#own.lookedAt, changed })
  }

  get can(): Capabilities {
    return this.#deps.can()
  }

  async *read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry> {
    const after = from === null ? 0 : placeNumber(from)
    const leave = this.#readers.enter(options.group)
    const reading = this.#own.begin()
    try {
      this.#watch.start()
      if (options.group === undefined) yield* this.#readAll(after, options, reading)
      else yield* this.#readGroup(options.group, from === null ? null : after, options, reading)
    } finally {
      this.#own.end(reading)
      leave()
    }
  }

  async ack(group: string, places: readonly Place[]): Promise<void> {
    if (this.#deps.closed()) throw logClosed(this.description)
    await this.#shares.acknowledge(group, places.map(placeNumber))
  }

  async trim(before: Place): Promise<number> {
    return (await this.#deps.redis.run(TRIM, [placeNumber(before) - 1])) as number
  }

  /** Removes what every group has acknowledged; without one nothing was. */
  async trimAcknowledged(): Promise<void> {
    await this.#deps.redis.run(TRIM, [''])
  }

  async stats(): Promise<LogStats> {
    const [count, bytes, first, last, ...groups] = (await this.#deps.redis.run(STATS, [])) as [number, ...string[]]
    return {
      count,
      bytes: Number(bytes),
      first: first === '' ? null : first!,
      last: last === '' ? null : last!,
      groups: Array.from({ length: groups.length / 3 }, (_, i) => {
        const [name, upTo, pending] = groups.slice(i * 3, i * 3 + 3) as [string, string, string]
        const share = this.#shares.of(name)
        const looked = Math.max(Number(upTo), share?.from.place ?? 0)
        return {
          name,
          acknowledged: upTo === '0' ? null : upTo,
          pending: Number(pending),
          ...(share !== undefined && { unread: Math.max(0, Number(last) - looked) }),
        }
      }),
    }
  }

  /** Posts of this instance were stored: the first one that is due has this place, the others follow. */
  appended(first: number, inserts: readonly Insert[]): void {
    this.#own.add(first, inserts)
  }

  /** What was posted is to be read. */
  wake(): void {
    this.#wake.ring()
  }

  /** There may be entries that this instance does not know. */
  changed(): void {
    this.#own.changed()
    this.#wake.ring()
  }

  async close(): Promise<void> {
    await this.#shares.close()
  }

  async *#readAll(after: number, options: ReadOptions, reading: Reading): AsyncGenerator<LogEntry> {
    const until = options.until === undefined ? Infinity : placeNumber(options.until)
    const wanted = filterOf(options)
    reading.upTo = after
    while (!options.signal.aborted && !this.#deps.closed() && reading.upTo < until) {
      const more = this.#wake.next
      const at = reading.upTo
      const page = this.#own.page(reading) ?? (await this.#page(reading, [at, PAGE_ENTRIES, PAGE_BYTES, '']))
      if (page === null) return
      for (const entry of page.entries) {
        if (Number(entry.place) > until || options.signal.aborted) return
        if (wanted(entry)) yield entry
      }
      this.#own.looked(reading, page.upTo)
      if (!page.isLast) continue
      if (until !== Infinity) return
      await orAborted(more, options.signal)
    }
  }

  async *#readGroup(
    group: string,
    after: number | null,
    options: ReadOptions,
    reading: Reading,
  ): AsyncGenerator<LogEntry> {
    const until = options.until === undefined ? Infinity : placeNumber(options.until)
    const wanted = filterOf(options)
    const share = await this.#shares.join(group, after ?? 0)
    if (after === null) share.startOver()
    else share.resume()
    while (!options.signal.aborted && !this.#deps.closed()) {
      const more = this.#wake.next
      // One whose lease ran out, such as of a process that was paused, must not go on.
      if (!this.#shares.isHeld(share)) {
        await this.#shares.join(group, 0)
        continue
      }
      const { from } = share
      reading.upTo = from.place
      const page = this.#own.page(reading) ?? (await this.#pageOf(group, share, reading))
      if (page === null) continue
      const skipped: number[] = []
      for (const entry of page.entries) {
        if (options.signal.aborted) return
        const { partition } = entry
        const place = Number(entry.place)
        if (!this.#shares.isHeld(share)) break
        // The group was divided meanwhile: what lies in front of this comes first.
        if (share.from.round !== from.round) break
        if (place > until || !share.wants(place, partition)) continue
        if (!wanted(entry)) {
          skipped.push(place)
          continue
        }
        share.begins(place, partition)
        yield entry
        share.took(place, partition)
      }
      await this.#shares.acknowledge(group, skipped)
      if (!this.#shares.isHeld(share) || !share.lookedThrough(page.upTo, from.round)) continue
      this.#own.looked(reading, page.upTo)
      if (page.upTo >= until || (page.isLast && until !== Infinity)) return
      if (page.isLast) await orAborted(more, options.signal)
    }
  }

  /** Null: the server has ended the lease. */
  async #pageOf(group: string, share: Share, reading: Reading): Promise<Page | null> {
    const args = [reading.upTo, PAGE_ENTRIES, PAGE_BYTES, group, this.#shares.reader, ...share.leaving]
    const page = await this.#page(reading, args)
    if (page === null) share.untilMs = -Infinity
    return page
  }

  /** Null: nothing was read. A log that was closed meanwhile ends its readers, without an error. */
  async #page(reading: Reading, args: readonly (string | number)[]): Promise<Page | null> {
    this.#own.asks(reading)
    try {
      const [upTo, isLast, ...values] = (await this.#deps.redis.run(PAGE, args)) as string[]
      if (upTo === undefined) return null
      const entries = Array.from({ length: values.length / 4 }, (_, i) => {
        const [place, partition, at, body] = values.slice(i * 4, i * 4 + 4) as [string, string, string, string]
        return entryOf(place, partition, at, body)
      })
      return { entries, upTo: Number(upTo), isLast: isLast === '1' }
    } catch (error) {
      if (this.#deps.closed()) return null
      throw error
    }
  }
}

function filterOf({ key, pattern }: ReadOptions): (entry: LogEntry) => boolean {
  const matches = pattern === undefined ? null : typePattern(pattern)
  return (entry) => (key === undefined || entry.key === key) && (matches === null || matches(entry.type))
}
