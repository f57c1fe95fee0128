/** What an application appends: a name in `type`, and what happened in `payload`, which JSON can say. */
export interface DomainEvent {
  readonly type: string
  readonly payload: unknown
}

/** Where an event comes from; absent fields are null in what is read. */
export interface EventOrigin {
  /** A name of its own makes an append idempotent: repeated, it answers the first result. Default: a UUIDv7. */
  readonly id?: string | undefined
  /** The service that appends. */
  readonly source?: string | null | undefined
  /** When it happened. Default: now. */
  readonly timestamp?: string | Date | undefined
  readonly correlationId?: string | null | undefined
  /** Id of the event or command that caused it. */
  readonly causationId?: string | null | undefined
  readonly userId?: string | null | undefined
}

export type NewEvent<E extends DomainEvent = DomainEvent> = E & EventOrigin

export type RecordedEvent<E extends DomainEvent = DomainEvent> = E & {
  readonly id: string
  readonly stream: string
  /** Place in its stream, from 1, without gaps. */
  readonly version: number
  /** Place among all events: grows in the order of commits; not without gaps. */
  readonly globalPosition: bigint
  /** ISO 8601, UTC, milliseconds. */
  readonly timestamp: string
  readonly source: string | null
  readonly correlationId: string | null
  readonly causationId: string | null
  readonly userId: string | null
}

/** The version that the stream has to have: a number (0: it has no events yet), or less exact. */
export type ExpectedVersion = number | 'no-stream' | 'stream-exists' | 'any'

export interface AppendOptions {
  /** Default: `any`. */
  readonly expectedVersion?: ExpectedVersion | undefined
}

export interface AppendResult {
  /** Version of the last event: what the next append to this stream expects. */
  readonly nextExpectedVersion: number
  /** Of the last event. */
  readonly globalPosition: bigint
  /** The events were there already, under the same ids: this is what the first append answered. */
  readonly duplicate: boolean
}

export interface ReadStreamOptions {
  /** First version, included. */
  readonly from?: number | undefined
  /** Last version, included. */
  readonly to?: number | undefined
  readonly max?: number | undefined
  /** From `to` down to `from`. */
  readonly backwards?: boolean | undefined
}

/** A place among all events. 0 lies before the first one. */
export type GlobalPosition = bigint | number | string

export interface EventFilter {
  /** Exact types. */
  readonly types?: readonly string[] | undefined
  /** A pattern of dotted types: `*` is one part, `**` at the end any number of parts. */
  readonly pattern?: string | undefined
}

export interface ReadAllOptions extends EventFilter {
  /** Events behind this place; not the one at it. Default: 0, all. */
  readonly from?: GlobalPosition | undefined
  readonly max?: number | undefined
  /** By `timestamp`: from then on. */
  readonly since?: string | Date | undefined
  /** By `timestamp`: before then. */
  readonly until?: string | Date | undefined
}

export interface SubscribeOptions extends EventFilter {
  /** Events behind this place: the position of the last event that the subscriber has dealt with. Default: 0, all. */
  readonly from?: GlobalPosition | undefined
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined
  /** Called once, when everything that was there has been read. */
  readonly onCaughtUp?: (() => void) | undefined
  /** Called each time when everything that is there has been read. */
  readonly onIdle?: (() => void) | undefined
  /** How often other processes' events are looked for. Default: 100. */
  readonly pollMs?: number | undefined
}

export interface SnapshotRules {
  /** Of the state: snapshots of another one are not used. */
  readonly schemaVersion: number
  /** Saves a snapshot when at least this many events were read behind the last one. Default: never. */
  readonly every?: number | undefined
}

export interface AggregateOptions<S, E extends DomainEvent> {
  readonly initialState: () => S
  readonly evolve: (state: S, event: RecordedEvent<E>) => S
  /** Last version, included: the state as it was then. */
  readonly to?: number | undefined
  /** Begin with a snapshot where there is one. */
  readonly snapshot?: SnapshotRules | undefined
}

export interface Aggregate<S> {
  readonly state: S
  /** 0: there are no events. What an append that decides by this state expects. */
  readonly version: number
}

export interface Snapshot<S = unknown> {
  readonly stream: string
  /** Of the last event in it. */
  readonly version: number
  readonly schemaVersion: number
  readonly state: S
  readonly createdAt: string
}

export interface NewSnapshot<S = unknown> {
  readonly version: number
  readonly schemaVersion: number
  /** What JSON can say. */
  readonly state: S
}

export interface ReadSnapshotOptions {
  readonly schemaVersion: number
  /** The newest one that is not newer than this. */
  readonly maxVersion?: number | undefined
}

export interface StreamSummary {
  readonly stream: string
  readonly version: number
  /** Timestamps of its first and last event. */
  readonly first: string
  readonly last: string
}

export interface ListStreamsOptions {
  readonly prefix?: string | undefined
  /** Streams behind this name. */
  readonly after?: string | undefined
  readonly max?: number | undefined
}

/**
 * Streams of events in a database (docs/event-store.md). Opened with the first use. Rejects with BingoError: see
 * docs/errors.md, codes BINGO_STORE_….
 */
export interface EventStore<E extends DomainEvent = DomainEvent> {
  /** Printable, no secrets. */
  readonly description: string
  /** All or none, durable when it resolves. Rejects with VersionConflictError where the stream has another version. */
  appendToStream(stream: string, events: readonly NewEvent<E>[], options?: AppendOptions): Promise<AppendResult>
  readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<RecordedEvent<E>>
  /** In the order of their global positions, up to those that are committed when it begins. */
  readAll(options?: ReadAllOptions): AsyncIterable<RecordedEvent<E>>
  /** Where one subscribes from who wants new events only. 0: there are none. */
  lastPosition(): Promise<bigint>
  aggregateStream<S>(stream: string, options: AggregateOptions<S, E>): Promise<Aggregate<S>>
  streamExists(stream: string): Promise<boolean>
  /** By name. */
  listStreams(options?: ListStreamsOptions): AsyncIterable<StreamSummary>
  /** Replaces one of the same version and schema version. */
  saveSnapshot(stream: string, snapshot: NewSnapshot): Promise<void>
  readSnapshot<S = unknown>(stream: string, options: ReadSnapshotOptions): Promise<Snapshot<S> | null>
  /** Catches up, then follows, until its signal is aborted, the loop is left, or the store is closed. */
  subscribe(options?: SubscribeOptions): AsyncIterable<RecordedEvent<E>>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
