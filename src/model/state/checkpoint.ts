import type { GapLog } from '../event/gap.ts'
import type { ServerFingerprint, SourcePosition } from '../source/position.ts'

/** What is stored: everything before `position` is finished (invariant 4). */
export interface Checkpoint {
  readonly version: 1
  /** Instance name; a checkpoint of another instance is refused. */
  readonly name: string
  readonly position: SourcePosition
  readonly server: ServerFingerprint
  /** Milliseconds since 1970. */
  readonly savedAt: number
  /** Fencing: a save with a lower epoch than the stored one is refused. */
  readonly epoch: number
  /** Changes that were skipped knowingly; absent where there are none. */
  readonly gaps?: GapLog | undefined
}

/**
 * A place for one checkpoint. `load` answers null when there never was one, and throws BingoError
 * (BINGO_CHECKPOINT_CORRUPT, …_FOREIGN, …_UNREACHABLE) otherwise; `save` is atomic.
 */
export interface CheckpointStore {
  /** Printable, no secrets. */
  readonly description: string
  load(): Promise<Checkpoint | null>
  save(checkpoint: Checkpoint): Promise<void>
  close(): Promise<void>
}
