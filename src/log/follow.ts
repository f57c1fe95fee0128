import type { LogEntry, ReadOptions } from '../model/state/event-log.ts'
import { orAborted } from '../model/aborted.ts'
import { typePattern } from '../model/event/posted/type-pattern.ts'
import { groupBusy } from './errors.ts'
import { placeNumber } from './places.ts'
import type { Acknowledged } from './places.ts'

/** Wakes readers that wait for entries. */
export class Wake {
  #next: PromiseWithResolvers<void> | null = null

  /** Resolves with the next `ring`. To be asked for before looking whether something is there. */
  get next(): Promise<void> {
    this.#next ??= Promise.withResolvers()
    return this.#next.promise
  }

  ring(): void {
    this.#next?.resolve()
    this.#next = null
  }
}

/** Where a reader finds its entries. */
export interface Entries {
  closed(): boolean
  /** Some entries behind this place, in order; none: there are none yet. Rejects when the reader may not go on. */
  page(after: number): readonly LogEntry[] | Promise<readonly LogEntry[]>
  /** Resolves when there may be more. */
  more(): Promise<void>
  /** Absent where a group is read in another way. */
  readonly groups?: GroupEntries
}

/** What one reader of a group has to know. */
export interface GroupEntries {
  acknowledged(group: string): Acknowledged
  /** What a reader leaves out is done. */
  skip(group: string, places: readonly number[]): Promise<void>
}

/** The groups that are being read in this process. */
export class Readers {
  readonly #reading = new Set<string>()
  readonly #log: string

  constructor(log: string) {
    this.#log = log
  }

  /** Calls the answer when the reader ends. Throws BINGO_LOG_GROUP_BUSY. */
  enter(group: string | undefined): () => void {
    if (group === undefined) return () => undefined
    if (this.#reading.has(group)) throw groupBusy(this.#log, group, 'another reader of this process')
    this.#reading.add(group)
    return () => this.#reading.delete(group)
  }
}

/** Yields what `readPages` promises, from a log whose places are numbers that count up by one. */
export async function* followPages(
  entries: Entries,
  after: number,
  options: ReadOptions,
): AsyncIterable<readonly LogEntry[]> {
  const { group, signal } = options
  const until = options.until === undefined ? Infinity : placeNumber(options.until)
  const wanted = wantedOf(options)
  let at = after
  while (!signal.aborted && !entries.closed() && at < until) {
    const more = entries.more()
    const page = await entries.page(at)
    const acknowledged = group === undefined ? undefined : entries.groups?.acknowledged(group)
    const found: LogEntry[] = []
    const skipped: number[] = []
    for (const entry of page) {
      const place = Number(entry.place)
      if (place > until) break
      at = place
      if (acknowledged?.has(place) === true) continue
      if (wanted(entry)) found.push(entry)
      else skipped.push(place)
    }
    if (found.length > 0 && !signal.aborted) yield found
    if (signal.aborted) return
    if (group !== undefined && skipped.length > 0) await entries.groups?.skip(group, skipped)
    if (page.length > 0) continue
    if (until !== Infinity) return
    await orAborted(more, signal)
  }
}

/** The entries of pages one by one; none behind the signal. */
export async function* oneByOne(
  pages: AsyncIterable<readonly LogEntry[]>,
  { signal }: ReadOptions,
): AsyncIterable<LogEntry> {
  for await (const page of pages) {
    for (const entry of page) {
      if (signal.aborted) return
      yield entry
    }
  }
}

/** Of key and pattern. */
export function wantedOf({ key, pattern }: ReadOptions): (entry: LogEntry) => boolean {
  const matches = pattern === undefined ? null : typePattern(pattern)
  return (entry) => (key === undefined || entry.key === key) && (matches === null || matches(entry.type))
}
