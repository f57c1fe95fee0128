import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../model/clock.ts'
import { typePattern } from '../model/event/posted/type-pattern.ts'
import { aggregate } from './aggregate.ts'
import { checkExpected, checkName, eventRows, jsonText, parsePayload, positionOf } from './arguments.ts'
import { timeText, wholeNumber } from './arguments.ts'
import { Bell } from './bell.ts'
import type { Aggregate, AggregateOptions, AppendOptions, AppendResult, DomainEvent, EventFilter } from './contract.ts'
import type { EventStore, ListStreamsOptions, NewEvent, NewSnapshot, ReadAllOptions } from './contract.ts'
import type { ReadSnapshotOptions, ReadStreamOptions, RecordedEvent, Snapshot, StreamSummary } from './contract.ts'
import type { SubscribeOptions } from './contract.ts'
import { idTaken, invalidArgument, storeClosed, VersionConflictError } from './errors.ts'
import { follow } from './follow.ts'
import type { AppendRequest, EventRow, StoredRow, StreamStorage } from './storage.ts'

/** Events that are read at once. */
export const PAGE = 500
/** Types in one statement. */
const MOST_TYPES = 500
const LAST_VERSION = 2_147_483_647

export interface StoreSettings {
  readonly clock: Clock
  readonly exactNumbers: boolean
}

/** An event store over whatever keeps its streams. `open` is called with the first use, and again when it failed. */
export class StoredStreams implements EventStore {
  readonly description: string
  readonly #open: () => Promise<StreamStorage>
  readonly #clock: Clock
  readonly #exactNumbers: boolean
  readonly #appended = new Bell()
  readonly #closing = new AbortController()
  #storage: Promise<StreamStorage> | null = null

  constructor(description: string, open: () => Promise<StreamStorage>, { clock, exactNumbers }: StoreSettings) {
    this.description = description
    this.#open = open
    this.#clock = clock
    this.#exactNumbers = exactNumbers
  }

  async appendToStream(
    stream: string,
    events: readonly NewEvent[],
    { expectedVersion = 'any' }: AppendOptions = {},
  ): Promise<AppendResult> {
    checkName('The name of a stream', stream)
    checkExpected(expectedVersion)
    const rows = eventRows(events, this.#clock.now())
    const ownIds = events.some(({ id }) => id !== undefined)
    const request: AppendRequest = { stream, events: rows, expected: expectedVersion, ownIds }
    const answer = await (await this.#opened()).append(request)
    if (answer.tag === 'conflict') throw new VersionConflictError(stream, expectedVersion, answer.actual)
    if (answer.tag === 'taken') return firstResult(request, answer.rows)
    this.#appended.ring()
    return { nextExpectedVersion: answer.version, globalPosition: answer.position, duplicate: false }
  }

  async *readStream(stream: string, options: ReadStreamOptions = {}): AsyncIterable<RecordedEvent> {
    checkName('The name of a stream', stream)
    const backwards = options.backwards ?? false
    let from = wholeNumber('from', options.from, 1)
    let to = Math.min(wholeNumber('to', options.to, LAST_VERSION), LAST_VERSION)
    let left = wholeNumber('max', options.max, Infinity)
    const storage = await this.#opened()
    while (left > 0 && from <= to) {
      const max = Math.min(PAGE, left)
      const rows = await storage.readStream(stream, { from, to, max, backwards })
      for (const row of rows) yield this.#recorded(row)
      if (rows.length < max) return
      left -= rows.length
      if (backwards) to = rows.at(-1)!.version - 1
      else from = rows.at(-1)!.version + 1
    }
  }

  async *readAll(options: ReadAllOptions = {}): AsyncIterable<RecordedEvent> {
    let after = positionOf(options.from)
    let left = wholeNumber('max', options.max, Infinity)
    const wanted = filterOf(options)
    const since = options.since === undefined ? undefined : timeText('since', options.since)
    const until = options.until === undefined ? undefined : timeText('until', options.until)
    const storage = await this.#opened()
    const upTo = await storage.settled(after)
    while (left > 0 && after < upTo) {
      const rows = await storage.readAll({ after, upTo, max: PAGE, types: wanted.types, since, until })
      for (const row of rows) {
        if (!wanted.fits(row.type)) continue
        yield this.#recorded(row)
        left -= 1
        if (left === 0) return
      }
      after = rows.length < PAGE ? upTo : rows.at(-1)!.position
    }
  }

  async lastPosition(): Promise<bigint> {
    return (await this.#opened()).settled(0n)
  }

  /** See StreamStorage. */
  async quietEnd(): Promise<bigint | null> {
    return (await this.#opened()).quietEnd()
  }

  aggregateStream<S>(stream: string, options: AggregateOptions<S, DomainEvent>): Promise<Aggregate<S>> {
    checkName('The name of a stream', stream)
    return aggregate(this, stream, options)
  }

  async streamExists(stream: string): Promise<boolean> {
    checkName('The name of a stream', stream)
    return (await (await this.#opened()).version(stream)) > 0
  }

  async *listStreams(options: ListStreamsOptions = {}): AsyncIterable<StreamSummary> {
    const prefix = options.prefix ?? ''
    let after = options.after ?? ''
    let left = wholeNumber('max', options.max, Infinity)
    const storage = await this.#opened()
    while (left > 0) {
      const max = Math.min(PAGE, left)
      const rows = await storage.streams(prefix, after, max)
      yield* rows
      if (rows.length < max) return
      left -= rows.length
      after = rows.at(-1)!.stream
    }
  }

  async saveSnapshot(stream: string, { version, schemaVersion, state }: NewSnapshot): Promise<void> {
    checkName('The name of a stream', stream)
    wholeNumber('version', version, 0, 1)
    wholeNumber('schemaVersion', schemaVersion, 0)
    const text = jsonText('The state of a snapshot', state)
    const storage = await this.#opened()
    const actual = await storage.version(stream)
    if (version > actual) {
      throw invalidArgument(
        `The snapshot of stream "${stream}" has version ${version}, but the stream has version ${actual}`,
        'Save it with the version that `aggregateStream` returned beside the state.',
      )
    }
    const createdAt = new Date(this.#clock.now()).toISOString()
    await storage.saveSnapshot(stream, { version, schemaVersion, state: text, createdAt })
  }

  async readSnapshot<S>(stream: string, options: ReadSnapshotOptions): Promise<Snapshot<S> | null> {
    checkName('The name of a stream', stream)
    const maxVersion = Math.min(wholeNumber('maxVersion', options.maxVersion, LAST_VERSION), LAST_VERSION)
    const schemaVersion = wholeNumber('schemaVersion', options.schemaVersion, 0)
    const row = await (await this.#opened()).readSnapshot(stream, schemaVersion, maxVersion)
    return row === null ? null : { ...row, stream, state: JSON.parse(row.state) as S }
  }

  subscribe(options: SubscribeOptions = {}): AsyncIterable<RecordedEvent> {
    return follow(
      {
        readAll: (from, filter) => this.readAll({ ...filter, from }),
        settled: async (after) => (await this.#opened()).settled(after),
        appended: this.#appended,
        closing: this.#closing.signal,
        clock: this.#clock,
      },
      { ...options, from: positionOf(options.from) },
    )
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    // One that could not be opened has nothing to close.
    const storage = await this.#storage?.catch(() => null)
    await storage?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #recorded({ id, type, stream, version, position, payload, ...origin }: StoredRow): RecordedEvent {
    const read = parsePayload(payload, this.#exactNumbers)
    return { id, type, stream, version, globalPosition: position, payload: read, ...origin }
  }

  #opened(): Promise<StreamStorage> {
    if (this.#closing.signal.aborted) return Promise.reject(storeClosed(this.description))
    this.#storage ??= this.#open().catch((error: unknown) => {
      this.#storage = null
      throw error
    })
    return this.#storage
  }
}

/** What the first append of these events answered; throws where it was not these events. */
function firstResult({ stream, events }: AppendRequest, rows: readonly StoredRow[]): AppendResult {
  const byId = new Map(rows.map((row) => [row.id, row]))
  const first = byId.get(events[0]!.id)
  for (const [index, event] of events.entries()) {
    const stored = byId.get(event.id)
    if (stored === undefined) continue
    const sameEvent = stored.stream === stream && sameContent(event, stored)
    if (!sameEvent || (first !== undefined && stored.version !== first.version + index)) {
      throw idTaken(stored.id, stored.stream, stored.version)
    }
  }
  if (first === undefined || events.some(({ id }) => !byId.has(id))) {
    const stored = rows[0]!
    throw idTaken(stored.id, stored.stream, stored.version)
  }
  const last = byId.get(events.at(-1)!.id)!
  return { nextExpectedVersion: last.version, globalPosition: last.position, duplicate: true }
}

/** A retry has a timestamp of its own where none is given. */
function sameContent(event: EventRow, stored: EventRow): boolean {
  return (
    event.type === stored.type &&
    event.source === stored.source &&
    event.correlationId === stored.correlationId &&
    event.causationId === stored.causationId &&
    event.userId === stored.userId &&
    isDeepStrictEqual(JSON.parse(event.payload), JSON.parse(stored.payload))
  )
}

interface Wanted {
  /** For the database; undefined: all. */
  readonly types: readonly string[] | undefined
  fits(type: string): boolean
}

function filterOf({ types, pattern }: EventFilter): Wanted {
  const matches = pattern === undefined ? () => true : typePattern(pattern)
  const exact = types === undefined ? null : new Set(types)
  if (exact?.size === 0) throw invalidArgument('`types` must not be empty', 'Leave it out to read events of all types.')
  return {
    types: types === undefined || types.length > MOST_TYPES ? undefined : types,
    fits: (type) => (exact === null || exact.has(type)) && matches(type),
  }
}
