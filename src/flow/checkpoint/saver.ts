import type { Log } from '../../model/action.ts'
import type { CheckpointStore } from '../../model/checkpoint.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { GapLog } from '../../model/gap.ts'
import type { ServerFingerprint, SourcePosition } from '../../model/position.ts'
import type { Stats } from '../../model/stats.ts'

export interface CheckpointSaverDeps {
  readonly store: CheckpointStore
  readonly name: string
  readonly epoch: number
  readonly intervalMs: number
  /** The low watermark; null until anything is known. */
  readonly position: () => SourcePosition | null
  /** Number of the newest finished transaction with jobs; told again to `onSaved` when it is stored. */
  readonly finished: () => number
  readonly onSaved: (finished: number) => void
  readonly server: (position: SourcePosition) => ServerFingerprint
  /** Stored beside the position; a new object when something changed. */
  readonly gaps: () => GapLog
  readonly clock: Clock
  readonly log: Log
  readonly stats: Stats
}

/** Writes the low watermark to the store whenever it has moved, at most every `intervalMs`. */
export class CheckpointSaver {
  private readonly deps: CheckpointSaverDeps
  private saved: SourcePosition | null = null
  private savedGaps: GapLog
  private failures = 0

  constructor(deps: CheckpointSaverDeps) {
    this.deps = deps
    this.savedGaps = deps.gaps()
  }

  /** Runs until aborted; rejects when the store refuses us for good (another instance took over). */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.deps.clock.sleep(this.deps.intervalMs, signal)
      } catch {
        return
      }
      await this.saveIfMoved()
    }
  }

  /** True when what is stored is the present watermark. */
  async saveIfMoved(): Promise<boolean> {
    const { deps } = this
    const position = deps.position()
    const finished = deps.finished()
    const gaps = deps.gaps()
    if (position === null || (position === this.saved && gaps === this.savedGaps)) return true
    try {
      await deps.store.save({
        version: 1,
        name: deps.name,
        position,
        server: deps.server(position),
        savedAt: deps.clock.now(),
        epoch: deps.epoch,
        gaps,
      })
    } catch (error) {
      this.failed(error)
      return false
    }
    if (this.failures > 0) deps.log.info({ store: deps.store.description }, 'checkpoints can be saved again')
    this.failures = 0
    this.saved = position
    this.savedGaps = gaps
    deps.onSaved(finished)
    deps.stats.checkpointSavedAt = deps.clock.now()
    deps.log.debug({ file: position.file, position: position.offset, gtid: position.gtidSet }, 'checkpoint saved')
    return true
  }

  /** A store that is down costs nothing but a longer replay; one that refuses us ends the run. */
  private failed(error: unknown): void {
    if (error instanceof BingoError && !error.retryable) throw error
    this.failures += 1
    this.deps.stats.checkpointFailuresTotal += 1
    const level = this.failures < 20 ? 'info' : this.failures < 120 ? 'warn' : 'error'
    // The first, then ever more rarely: a store that is down for an hour need not fill the log.
    if ((this.failures & (this.failures - 1)) !== 0) return
    this.deps.log[level](
      {
        store: this.deps.store.description,
        attempt: this.failures,
        code: error instanceof BingoError ? error.code : 'BINGO_CHECKPOINT_UNREACHABLE',
        err: error instanceof Error ? error.message : String(error),
      },
      'checkpoint cannot be saved; a restart would replay from the last one',
    )
  }
}
