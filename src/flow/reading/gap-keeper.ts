import type { Watermark } from '../checkpoint/watermark.ts'
import type { Clock } from '../../model/clock.ts'
import { type Gap, type GapLog, withAllAnnounced, withGap } from '../../model/event/gap.ts'
import type { SourceState } from '../../model/source/source-state.ts'
import type { Stats } from '../../model/stats.ts'
import type { GroupIntake } from './intake.ts'

export interface GapKeeperDeps<P extends object> {
  readonly watermark: Watermark<P>
  readonly intake: Pick<GroupIntake<P>, 'dropGroup' | 'announceGap'>
  readonly clock: Clock
  readonly stats: Stats
  readonly state: SourceState
  /** Saves the checkpoint with the gaps; resolves when they are durable. */
  readonly save: (signal: AbortSignal) => Promise<void>
}

const POLL_MS = 20

/**
 * Keeps the record of gaps and tells the rules that listen to them. A gap is durable before anything behind it is read,
 * and its event is told again after a restart until it was delivered (invariants 1 and 8).
 */
export class GapKeeper<P extends object> {
  private readonly deps: GapKeeperDeps<P>
  private current: GapLog
  /** Watermark right before the event of the newest gap; while it stands there, the event is not delivered. */
  private before: P | null = null

  constructor(start: GapLog, deps: GapKeeperDeps<P>) {
    this.current = start
    this.deps = deps
    deps.stats.gapsTotal = start.total
    deps.state.lastGapAt = start.recent.at(-1)?.at ?? 0
  }

  /** What is to be stored with the checkpoint; the same object as long as nothing changed. */
  get log(): GapLog {
    if (this.before !== null && this.deps.watermark.position !== this.before) {
      this.before = null
      this.current = withAllAnnounced(this.current)
    }
    return this.current
  }

  /** After a restart: what a crash kept from being told. */
  resume(): void {
    const last = this.current.recent.at(-1)
    const { position } = this.deps.watermark
    if (last !== undefined && !last.announced && position !== null) this.announce(last, position)
  }

  /** Rejects when aborted before the gap is durable: a restart meets it again. */
  async pass(gap: Gap, to: P, signal: AbortSignal): Promise<void> {
    const { watermark, intake, clock, save } = this.deps
    intake.dropGroup()
    // The checkpoint is about to jump: everything read before has to be finished (invariant 4).
    while (watermark.pending > 0) await clock.sleep(POLL_MS, signal)
    watermark.pass(to, 0)
    this.current = withGap(this.current, gap)
    this.deps.state.lastGapAt = gap.at
    await save(signal)
    signal.throwIfAborted()
    this.announce(gap, to)
  }

  /** The event counts as delivered once the watermark has moved from `at` to an equal position of its own. */
  private announce(gap: Gap, at: P): void {
    this.before = at
    this.deps.intake.announceGap(gap, { ...at })
  }
}
