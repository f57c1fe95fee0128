import type { Clock } from '../../model/clock.ts'
import type { SourceState } from '../../model/source/source-state.ts'

/** A source that does not tell where it ends counts as read when it has brought nothing for so long. */
const QUIET_MS = 5_000
/** A source that has not connected for so long after the start counts as down. */
const DOWN_MS = 10_000

/** Up to which commit time one source was read, for whoever has to wait for what is not read yet. */
export class ReadProgress {
  private readonly state: SourceState
  private readonly clock: Clock
  /** Of whoever asks, since only what is asked for repeatedly is known to be quiet. */
  private readonly seen = { groups: -1, atMs: 0 }
  private readonly seenAgain = { groups: -1, atMs: 0 }
  private begunAtMs: number | null = null
  private hasEnded = false

  constructor(state: SourceState, clock: Clock) {
    this.state = state
    this.clock = clock
  }

  began(): void {
    this.begunAtMs = this.clock.monotonicMs()
  }

  /** The source came to its end: nothing comes any more. */
  ended(): void {
    this.hasEnded = true
  }

  /** Milliseconds since 1970; Infinity when nothing is left to read. `paused`: reading is. */
  readUpToMs(paused: boolean): number {
    return paused ? this.state.lastCommitAt : this.upToMs(this.seen)
  }

  /** The same for what may come again after a restart; -Infinity until something has come, or the source counts as down. */
  get replayedUpToMs(): number {
    const upToMs = this.upToMs(this.seenAgain)
    if (this.state.groups > 0 || upToMs === Infinity) return upToMs
    return this.isDown ? Infinity : -Infinity
  }

  /** It could not begin so far. */
  get isDown(): boolean {
    const { groups, connected } = this.state
    if (groups > 0 || connected || this.hasEnded || this.begunAtMs === null) return false
    return this.clock.monotonicMs() - this.begunAtMs >= DOWN_MS
  }

  private upToMs(seen: { groups: number; atMs: number }): number {
    const { connected, caughtUp, lastCommitAt, address, endUnknown, groups } = this.state
    if (this.hasEnded) return Infinity
    if (!connected) return lastCommitAt
    if (caughtUp) return Infinity
    if (address !== '' && endUnknown === null) return lastCommitAt
    // Nobody knows where it ends: what comes no more has come.
    const now = this.clock.monotonicMs()
    if (groups !== seen.groups) Object.assign(seen, { groups, atMs: now })
    return now - seen.atMs >= QUIET_MS ? Infinity : lastCommitAt
  }
}
