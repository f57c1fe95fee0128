import type { InFlightJob } from './in-flight-job.ts'
import type { StoredRecord } from './waiting.ts'

/** A line as whoever fills and reads it sees it (waiting/line.ts). */
export interface StoredLine {
  readonly name: string
  /** Rules of which something may wait here. */
  readonly rules: ReadonlySet<string>
  /** Everything that was ever added has been read. */
  readonly empty: boolean
  /** What a restart brings again is being read: most of what comes stands in the store already, and moves. */
  readonly isReplaying: boolean
  /** `baseMs`: what a delay counts from. */
  add(job: InFlightJob, baseMs: number): void
  /** The next records. One call at a time. */
  next(limit: number): Promise<readonly StoredRecord[]>
  /**
   * A record that was read last, as it is since then; null: it is gone, has ended, or, after a crash, came again and stands at
   * another place.
   */
  asItIs(record: StoredRecord): StoredRecord | null
  /** This record and all behind it are read again. */
  back(record: Pick<StoredRecord, 'seq'>): void
}

/** Makes jobs of the records of one line, in order. */
export interface StoredLineReader {
  readonly line: StoredLine
  /** Mostly one, and at once; none where the record has found its end. They are charged to the budget. */
  jobsOf(record: StoredRecord): readonly InFlightJob[] | Promise<readonly InFlightJob[]>
}

/** The lines of an instance. */
export interface StoredLines {
  readonly names: readonly string[]
  reader(name: string): StoredLineReader
  /** Resolves when the records of jobs that have ended before now are gone. */
  removed(): Promise<void>
}
