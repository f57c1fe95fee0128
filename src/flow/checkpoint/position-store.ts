import type { GapLog } from '../../model/event/gap.ts'

/** What is stored of one source: everything before `position` is finished (invariant 4). */
export interface StoredPosition {
  /** As the source prints it. */
  readonly position: string
  /** Milliseconds since 1970. */
  readonly savedAt: number
  /** Fencing: a save with a lower epoch than the stored one is refused. */
  readonly epoch: number
  /** Changes that were skipped knowingly. */
  readonly gaps: GapLog
}

/** Where the position of one source is kept. */
export interface PositionStore {
  /** Printable, no secrets. */
  readonly description: string
  /** The next `save` is of the position as it is now: what is stored beside it is to be as of that, too. Absent: nothing is. */
  take?(): void
  /** Atomic. Rejects with a BingoError that is not retryable when another instance has taken over. */
  save(stored: StoredPosition): Promise<void>
}
