import type { EventEnvelope, EventOutcome, EventRecord, EventStatus } from '../event/posted/event-record.ts'
import type { Capabilities, EventLog } from './event-log.ts'

/** Names one event: ids are unique within an environment. */
export interface EventName {
  readonly environment: string
  readonly id: string
}

/** An event to be kept, with the fields that its sender gave (`sent`): only those replace what is stored under its id. */
export interface NewEvent {
  readonly event: EventEnvelope
  readonly sent: ReadonlySet<keyof EventEnvelope>
  /** What `encodeEnvelope` makes of it, where somebody had to know. */
  readonly encoded?: Uint8Array | undefined
  /** What `decodeEnvelope` would make of its bytes, for whoever reads it: nobody changes it. Absent: they have to be decoded. */
  readonly read?: EventEnvelope | undefined
}

export interface PostOptions {
  /** Milliseconds since 1970. */
  readonly now: number
  /** What is done about an id that is stored with other content and cannot be changed any more. */
  readonly onConflict: 'keep' | 'error'
}

/**
 * `stored`: it is new. `updated`: it was there, due later, and has the new fields now. `duplicate`: it was there with this
 * content. `conflict`: it was there with other content, which stays.
 */
export interface Posted {
  readonly tag: 'stored' | 'updated' | 'duplicate' | 'conflict'
  readonly record: EventRecord
}

/** All given fields have to fit. Newest first. */
export interface EventFilter {
  readonly environment?: string | undefined
  readonly status?: EventStatus | undefined
  /** A pattern of types (model/event/type-pattern.ts). */
  readonly type?: string | undefined
  readonly source?: string | undefined
  readonly key?: string | undefined
  readonly userId?: string | undefined
  readonly accountId?: string | undefined
  readonly isTest?: boolean | undefined
  /** Of `createdAt`, milliseconds since 1970; `until` is not included. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  readonly limit: number
  /** `next` of the page before. */
  readonly cursor?: string | undefined
}

export interface EventPage {
  readonly events: readonly EventRecord[]
  /** Null: there are no more. */
  readonly next: string | null
}

/** What became of an event; absent fields stay as they are. */
export interface ProgressUpdate extends EventName {
  readonly at: number
  readonly status?: EventStatus | undefined
  readonly matched?: number | undefined
  readonly retried?: boolean | undefined
  readonly error?: string | null | undefined
  /** Added to what is there; one of the same rule and action replaces it. */
  readonly outcomes?: readonly EventOutcome[] | undefined
}

/** What a provider can, beyond what its log says. */
export interface ProviderCapabilities extends Capabilities {
  /** Get, list, status, delay and cancel, dedupe by id for `idRetentionMs`. False: they need `events.index` beside it. */
  readonly index: boolean
  /** Something other than this process keeps the events: it survives a `kill -9`. */
  readonly survivesKill: boolean
  /** Order per key while several instances share the work. */
  readonly orderAcrossInstances: boolean
}

/**
 * Keeps posted events: a log that rules read in its order, and beside it what is known of each event. An event that is
 * due later waits outside of the log, and enters it when `due` is called at its time. Rejects like an EventLog.
 */
export interface EventProvider {
  /** Printable, no secrets. */
  readonly description: string
  readonly can: ProviderCapabilities
  /** Read by the rules, with the JSON of the EventEnvelope as payload. What is posted enters it by `post` alone. */
  readonly log: Omit<EventLog, 'append' | 'close'>
  /**
   * All or none; resolves when they are as durable as `can.durability` says. Rejects with BINGO_EVENT_CONFLICT where
   * `onConflict` says so. A cancelled event stays cancelled, whatever is posted under its id.
   */
  post(events: readonly NewEvent[], options: PostOptions): Promise<readonly Posted[]>
  get(name: EventName): Promise<EventRecord | null>
  list(filter: EventFilter): Promise<EventPage>
  /**
   * Events that are not known (any more) are ignored, and so is what comes after a cancellation. An outcome that replaces
   * the last failed one of a failed event completes it. To be written before the event's place is acknowledged: an event
   * that was acknowledged and has no end is kept for ever.
   */
  progress(updates: readonly ProgressUpdate[]): Promise<void>
  /** `too late`: it has left for its rules, or is done. */
  cancel(name: EventName, now: number): Promise<'cancelled' | 'already cancelled' | 'too late' | 'unknown'>
  /**
   * Appends it to the log again, as it was stored, under the same id: what was done for it is known by its receivers.
   * `waiting`: it is not due yet, so there is nothing to repeat.
   */
  replay(name: EventName, now: number): Promise<EventRecord | 'unknown' | 'waiting' | 'cancelled'>
  /** Moves events that are due into the log, in the order of their times, at most `limit`. `nextAt`: when the next one is due. */
  due(now: number, limit: number): Promise<{ readonly moved: number; readonly nextAt: number | null }>
  /**
   * Removes ended events that were created before and whose ids need not be remembered any more, and entries of the log
   * that every group has acknowledged. Answers how many events.
   */
  expire(before: number): Promise<number>
  close(): Promise<void>
}
