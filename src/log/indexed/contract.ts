import type { LogEntry, LogStats } from '../../model/state/event-log.ts'
import type { EventProvider } from '../../model/state/event-provider.ts'

/**
 * A log on a server that keeps entries in their order and cannot do more than that: NATS JetStream, Kafka. Each entry
 * carries its place, which the index gave it, and the identity of that index. Rejects with BingoErrors.
 */
export interface Engine {
  /** Printable, no secrets. */
  readonly description: string
  /** What has happened to an entry when `append` resolves. */
  readonly durability: 'server' | 'fsync'
  /**
   * Where `append` has to go on: everything up to `upTo` is there, and perhaps some of what is behind it, up to `newest`.
   * 0: nothing. Rejects with BINGO_LOG_INDEX_MISMATCH when that entry is one of
   * another index, and with BINGO_LOG_ENGINE_UNFIT when it is set up in a way that cannot keep entries.
   */
  last(index: string): Promise<{ readonly upTo: number; readonly newest: number }>
  /**
   * Appends entries behind `upTo`, in their order; some of them may be there when it rejects, or were there before. Rejects with
   * EngineMoved when another instance has appended since `last`: nothing of ours is there twice then.
   */
  append(index: string, entries: readonly LogEntry[]): Promise<void>
  /** Some entries behind a place, in order. May leave some out: what the server has lost or removed. */
  read(index: string, after: number): Promise<readonly LogEntry[]>
  /** Entries up to this place are not needed any more. */
  trim(upTo: number): Promise<void>
  close(): Promise<void>
}

/** Someone else has appended: `last` is to be asked again. */
export class EngineMoved extends Error {}

/** What the store beside an engine tells of its own log. */
export interface IndexLog extends Omit<EventProvider['log'], 'stats'> {
  stats(): Promise<LogStats>
  /** Tells this store from all others. */
  identity(): Promise<string>
  /** Places of the newest entry that there ever was, and of the last one that was trimmed. */
  extent(): Promise<{ readonly newest: number; readonly trimmed: number }>
  /** Some entries behind a place, without a gap; none: there are none yet. */
  entries(after: number): Promise<readonly LogEntry[]>
  wake(): void
}

/** A store of events (SQLite, SQL) whose readers get the entries of their log from `PagesFrom`, not from its own table. */
export type Index = Omit<EventProvider, 'log'> & { readonly log: IndexLog }

/** Some entries behind a place, without a gap; none: there are none yet. */
export type PagesFrom = (after: number) => Promise<readonly LogEntry[]>
