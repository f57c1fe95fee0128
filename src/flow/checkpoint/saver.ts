import type { Log } from '../../model/rule/action.ts'
import type { Clock } from '../../model/clock.ts'
import { BingoError } from '../../model/errors.ts'
import type { GapLog } from '../../model/event/gap.ts'
import type { Positions } from '../../model/source/source.ts'
import type { SourceState } from '../../model/source/source-state.ts'
import type { Stats } from '../../model/stats.ts'
import type { PositionStore } from './position-store.ts'
import type { Watermark } from './watermark.ts'

export interface CheckpointSaverDeps<P> {
  readonly store: PositionStore
  readonly epoch: number
  readonly intervalMs: number
  readonly watermark: Watermark<P>
  readonly positions: Positions<P>
  /** Stored beside the position; a new object when something changed. */
  readonly gaps: { readonly log: GapLog }
  /**
   * Resolves when what ended before now has left the store of waiting events: a record that came back after a crash, behind
   * a checkpoint that has passed newer changes of its row, would undo them (invariant 2). And rows of outboxes up to the
   * transaction with this number are marked: nobody would come back to them.
   */
  readonly beforeSave: (finished: number) => Promise<void>
  /** The position is durable. */
  readonly onSaved: (position: P) => void
  readonly clock: Clock
  readonly log: Log
  readonly stats: Stats
  readonly state: SourceState
}

/** Writes the low watermark to the store whenever it has moved, at most every `intervalMs`. */
export class CheckpointSaver<P> {
  private readonly deps: CheckpointSaverDeps<P>
  /** Number of the newest transaction with jobs below the stored position. */
  private finished = 0
  private saved: P | null = null
  private savedGaps: GapLog
  private saving: Promise<boolean> = Promise.resolve(true)

  constructor(deps: CheckpointSaverDeps<P>) {
    this.deps = deps
    this.savedGaps = deps.gaps.log
  }

  /** Number of the newest transaction with jobs that no restart brings again. */
  get storedUpTo(): number {
    return this.finished
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

  /** True when what is stored is the watermark as it was then. One save at a time. */
  saveIfMoved(): Promise<boolean> {
    this.saving = this.saving.catch(() => false).then(() => this.saveOnce())
    return this.saving
  }

  private async saveOnce(): Promise<boolean> {
    const { deps } = this
    const { position, finished } = deps.watermark
    const gaps = deps.gaps.log
    if (position === null || (position === this.saved && gaps === this.savedGaps)) return true
    // Before anything is awaited, in which the watermark may move on.
    deps.store.take?.()
    try {
      await deps.beforeSave(finished)
      await deps.store.save({
        position: deps.positions.print(position),
        savedAt: deps.clock.now(),
        epoch: deps.epoch,
        gaps,
      })
    } catch (error) {
      this.failed(error)
      return false
    }
    if (deps.state.failedSaves > 0) deps.log.info({ store: deps.store.description }, 'saving checkpoints works again')
    deps.state.failedSaves = 0
    this.saved = position
    this.savedGaps = gaps
    this.finished = finished
    deps.onSaved(position)
    deps.state.checkpointSavedAt = deps.clock.now()
    deps.log.debug({ position: deps.positions.print(position) }, 'checkpoint saved')
    return true
  }

  /** A store that is down costs nothing but a longer replay; one that refuses us ends the run. */
  private failed(error: unknown): void {
    if (error instanceof BingoError && !error.retryable) throw error
    this.deps.stats.checkpointFailuresTotal += 1
    const failures = ++this.deps.state.failedSaves
    const level = failures < 20 ? 'info' : failures < 120 ? 'warn' : 'error'
    // The first, then ever more rarely: a store that is down for an hour need not fill the log.
    if ((failures & (failures - 1)) !== 0) return
    this.deps.log[level](
      {
        store: this.deps.store.description,
        attempt: failures,
        code: error instanceof BingoError ? error.code : 'BINGO_CHECKPOINT_UNREACHABLE',
        err: error instanceof Error ? error.message : String(error),
      },
      'saving the checkpoint failed; a restart would replay from the last saved one',
    )
  }
}
