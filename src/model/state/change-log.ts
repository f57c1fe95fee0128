/** What is appended: one piece of a record (scale/record.ts), for one share. */
export interface ChangeLogRecord {
  readonly share: number
  readonly body: string
}

export interface ChangeLogEntry {
  /** Opaque text, given by the log. */
  readonly place: string
  readonly body: string
}

/**
 * What a reader appends and workers read: a fixed number of shares, each an ordered sequence of its own. One process
 * appends; each share is read by one process at a time, from where it has come to. All methods reject with BingoErrors.
 */
export interface ChangeLog {
  /** Printable, no secrets. */
  readonly description: string
  /** Rejects where records could not be appended or read, as far as it shows without appending one. */
  check(): Promise<void>
  /** Bytes of a body, at most. */
  mostBytes(): Promise<number>
  /**
   * In the order given, by share. Resolves when they are durable. When it rejects, of each share some of the first records
   * may be there, and none behind one that is not: a repeated call appends those once more.
   */
  append(records: readonly ChangeLogRecord[]): Promise<void>
  /** The newest records of each share, in order: what a reader that was killed has appended last. */
  tail(): Promise<readonly ChangeLogRecord[]>
  /** Some entries of a share behind a place (null: from the first one that is left); none: there are none yet. */
  read(share: number, after: string | null): Promise<readonly ChangeLogEntry[]>
  /** How many entries of a share are behind a place. */
  behind(share: number, place: string | null): Promise<number>
  /** Entries of a share up to this place are not needed any more. */
  trim(share: number, upTo: string): Promise<void>
  close(): Promise<void>
}
