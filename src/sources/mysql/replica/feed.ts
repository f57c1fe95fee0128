import type { EventFeed, SchemaResolver } from '../../../model/source/binlog-stream.ts'
import type { ServerFingerprint, SourcePosition } from '../../../model/source/position.ts'

/** Anywhere in the binlog, between two events. */
export interface Place {
  readonly file: string
  readonly offset: number
}

/** A feed that knows how far it has come. It outlives connections: a new one goes on where the last one broke off. */
export interface PositionedFeed extends EventFeed {
  /** The last boundary between transactions (invariant 4: never inside one). */
  position(): SourcePosition
  /** Header timestamp of the FORMAT_DESCRIPTION event of the position's file, in seconds; 0 when not seen yet. */
  readonly fileCreated: number
  /** The same of a file read before: a checkpoint lies behind the reader. 0 when not known. */
  fileCreatedOf(file: string): number
  /** File and end of the event read last; inside a transaction it is no place to resume. */
  readonly readTo: Place
}

/** What a feed must know before its first event. */
export interface FeedStart {
  /**
   * `file` is empty where only a GTID set is known (the stream's first ROTATE names it); `gtidSet` is null where the
   * server has no GTIDs, and where the PREVIOUS_GTIDS event at the head of the file will tell it.
   */
  readonly position: SourcePosition
  /** Whether the server writes GTIDs: then `gtidSet` null means "take it from the head of the file". */
  readonly gtids: boolean
  readonly server: ServerFingerprint
  readonly serverVersion: string
  readonly schema: SchemaResolver
  /** Whether the server read now keeps names of tables in lower case (lower_case_table_names other than 0). */
  readonly foldsNames: () => boolean
}

export type OpenFeed = (start: FeedStart) => PositionedFeed
