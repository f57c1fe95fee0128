import type { EventEnvelope } from '../event/posted/event-record.ts'

/** A place in a log: opaque text, given by the log. */
export type Place = string

/** What is appended. */
export interface LogRecord {
  /** Unique for the retention of ids: a second record with it is not appended. */
  readonly id: string
  /** Dotted, like `orders.order.create`. */
  readonly type: string
  /** What order is kept for; null: none. */
  readonly key: string | null
  readonly source: string
  readonly payload: Uint8Array
  /** When it happened, as its sender says: milliseconds since 1970. */
  readonly at: number
}

export interface LogEntry extends LogRecord {
  readonly place: Place
  /** Milliseconds since 1970. */
  readonly appendedAt: number
  /** The posted event that `payload` is, where the log has read it already. */
  readonly event?: EventEnvelope | undefined
}

export interface Appended {
  readonly place: Place
  /** A record with this id was there already: `place` is its place, what was sent now is dropped. */
  readonly duplicate: boolean
}

export interface ReadOptions {
  /**
   * Entries that the group has acknowledged are left out, so a reader resumes where the one before it stopped. A process
   * reads a group once at a time (a second reader is refused with BINGO_LOG_GROUP_BUSY), with one pattern and key; what they
   * leave out counts as acknowledged. Where `can.sharedGroups`, several instances read it, and each gets a share: all entries
   * of a key go to one of them at a time, and what one that dies leaves goes to the others, from what was not acknowledged.
   * For a share, `from` null reads again what was not acknowledged, and a place goes on behind what this process has read.
   */
  readonly group?: string
  readonly key?: string
  /** Of types: `*` is one part, `**` at the end any number of parts, `*` alone everything. */
  readonly pattern?: string
  /** The last place to read. Without it the reader follows: it waits for entries to come. */
  readonly until?: Place
  /** Ends the iteration. */
  readonly signal: AbortSignal
}

export interface GroupStats {
  readonly name: string
  /** Everything up to there is acknowledged; null: nothing. */
  readonly acknowledged: Place | null
  /** Entries that are not acknowledged. */
  readonly pending: number
  /** Places that this instance, which has a share of the group, has not looked at; absent where it has not. */
  readonly unread?: number
}

export interface LogStats {
  readonly count: number
  /** Of payloads. */
  readonly bytes: number
  readonly first: Place | null
  readonly last: Place | null
  readonly groups: readonly GroupStats[]
}

export interface Capabilities {
  /**
   * What has happened to a record when `append` resolves: it is in memory, a server has committed it
   * (as durable as that server is set), or it is synced to disk.
   */
  readonly durability: 'memory' | 'server' | 'fsync'
  /** Several instances may read one group at once, and share its entries. */
  readonly sharedGroups: boolean
  /** For how long ids are remembered; `trim` does not shorten it. */
  readonly idRetentionMs: number
}

/**
 * Keeps events in their order, once each, until every group has worked them off. Every method rejects with
 * BINGO_LOG_UNREACHABLE, BINGO_LOG_FULL, BINGO_LOG_LOCKED or BINGO_LOG_GROUP_BUSY (they pass), or BINGO_LOG_CORRUPT,
 * BINGO_LOG_NEWER, BINGO_LOG_PLACE_INVALID (they do not).
 */
export interface EventLog {
  /** Printable, no secrets. */
  readonly description: string
  readonly can: Capabilities
  /** All or none; resolves when they are as durable as `can` says. A call whose answer was lost may be repeated. */
  append(records: readonly LogRecord[]): Promise<readonly Appended[]>
  /** The entries behind `from` in their order; null: from the first one. */
  read(from: Place | null, options: ReadOptions): AsyncIterable<LogEntry>
  /** The same, as many at a time as are at hand. Absent: they come one by one. */
  readPages?(from: Place | null, options: ReadOptions): AsyncIterable<readonly LogEntry[]>
  /**
   * In any order. An entry that is not acknowledged when the reader ends is read again by the next one of the group. Rejects
   * with BINGO_LOG_GROUP_BUSY where another instance reads some of them now; the others are acknowledged.
   */
  ack(group: string, places: readonly Place[]): Promise<void>
  /** Removes entries before this place, except those that a group has not acknowledged yet. Answers how many. */
  trim(before: Place): Promise<number>
  stats(): Promise<LogStats>
  /** Readers end. What was appended but not answered is written first. */
  close(): Promise<void>
}
