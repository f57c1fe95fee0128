import type { Watermark } from './checkpoint/watermark.ts'
import type { Clock } from '../model/clock.ts'
import { type Gap, type GapLog, withAllAnnounced, withGap } from '../model/gap.ts'
import type { SourcePosition } from '../model/position.ts'
import type { Stats } from '../model/stats.ts'
import type { Ingest } from './ingest.ts'

export interface GapKeeperDeps {
  readonly watermark: Watermark
  readonly ingest: Pick<Ingest, 'dropTransaction' | 'gap'>
  readonly clock: Clock
  readonly stats: Stats
  /** Saves the checkpoint with the gaps; resolves when they are durable. */
  readonly save: (signal: AbortSignal) => Promise<void>
}

const POLL_MS = 20

/**
 * Keeps the record of gaps and tells the rules that listen to them. A gap is durable before anything behind it is read,
 * and its event is told again after a restart until it was delivered (invariants 1 and 8).
 */
export class GapKeeper {
  private readonly deps: GapKeeperDeps
  private current: GapLog
  /** Watermark right before the event of the newest gap; while it stands there, the event is not delivered. */
  private before: SourcePosition | null = null

  constructor(start: GapLog, deps: GapKeeperDeps) {
    this.current = start
    this.deps = deps
    deps.stats.gapsTotal = start.total
    deps.stats.source.lastGapAt = start.recent.at(-1)?.at ?? 0
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
    if (last !== undefined && !last.announced) this.announce(last)
  }

  /** Rejects when aborted before the gap is durable: a restart meets it again. */
  async pass(gap: Gap, signal: AbortSignal): Promise<void> {
    const { watermark, ingest, clock, save } = this.deps
    ingest.dropTransaction()
    // The checkpoint is about to jump: everything read before has to be finished (invariant 4).
    while (watermark.pending > 0) await clock.sleep(POLL_MS, signal)
    watermark.pass(gap.to, 0)
    this.current = withGap(this.current, gap)
    this.deps.stats.source.lastGapAt = gap.at
    await save(signal)
    signal.throwIfAborted()
    this.announce(gap)
  }

  private announce(gap: Gap): void {
    const { watermark, ingest } = this.deps
    this.before = watermark.position
    ingest.gap(gap, { ...(watermark.position ?? gap.to) })
  }
}
