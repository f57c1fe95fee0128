import type { Clock } from '../model/clock.ts'
import type { ChangeKind } from '../model/source/source.ts'
import { behind, compareOrdinals, type Frontiers, type Ordinal } from './contract.ts'

export interface MeetingsDeps {
  readonly share: number
  readonly frontiers: Frontiers
  readonly clock: Clock
  /** Everything that was handed in is finished and remembered; `save` tries to come to that. */
  readonly isDone: () => boolean
  readonly save: () => Promise<unknown>
  /**
   * What the change's rules have to come behind waits for a target that is down, which counts as finished. Null: it is not
   * known which rules.
   */
  readonly holdsBack: (change: ChangeKind | null) => boolean
}

/** Between two looks at whether this share has come to a meeting, and the others. */
const LOOK_MS = 5
/** The same, while a target is down. */
const DOWN_LOOK_MS = 100

/** A change whose order concerns several shares. */
export interface Met {
  readonly ordinal: Ordinal
  readonly shares: readonly number[]
  /** Null: it was handed in by an earlier version, which did not remember what it was. */
  readonly change: ChangeKind | null
}

/** How one share waits for others: what each has finished is seen by all of them. */
export class Meetings {
  private readonly deps: MeetingsDeps

  constructor(deps: MeetingsDeps) {
    this.deps = deps
  }

  /** Everything that was handed in is finished and remembered, and others see that this share has come so far. */
  async arrive(ordinal: Ordinal, signal: AbortSignal): Promise<void> {
    const { share, frontiers } = this.deps
    await this.finished(signal)
    await frontiers.reached(share, ordinal)
  }

  /**
   * All shares have come to the change. False: the reader was killed before one of them had it, which may lack changes before
   * it as well. The next reader appends them again, and everything behind them, so what is here of the same run is dropped.
   */
  async come({ ordinal, shares, change }: Met, signal: AbortSignal): Promise<boolean> {
    const { share, frontiers } = this.deps
    await this.nothingWaits(change, signal)
    await this.arrive(ordinal, signal)
    let isWhole = true
    const hasCome = (other: Ordinal): boolean => {
      // One that had it would not have gone on to another run before this share is done with it.
      isWhole &&= other.epoch <= ordinal.epoch
      return compareOrdinals(other, ordinal) >= 0
    }
    await this.untilAll(shares, hasCome, signal)
    if (isWhole) return true
    // A replay: this share was done with it before.
    const own = await frontiers.of(share)
    return own !== null && compareOrdinals(own, ordinal) > 0
  }

  /** All shares are done with what they met at. */
  async part({ ordinal, shares, change }: Met, signal: AbortSignal): Promise<void> {
    await this.nothingWaits(change, signal)
    await this.arrive(behind(ordinal), signal)
    await this.untilAll(shares, (other) => compareOrdinals(other, ordinal) > 0, signal)
  }

  /** Each share has a spool of its own: what waits in one would be overtaken by what another sends. */
  private async nothingWaits(change: ChangeKind | null, signal: AbortSignal): Promise<void> {
    const { clock, holdsBack } = this.deps
    // What is on its way to its target may end up there.
    await this.finished(signal)
    while (holdsBack(change)) await clock.sleep(DOWN_LOOK_MS, signal)
  }

  private async finished(signal: AbortSignal): Promise<void> {
    const { clock, isDone, save } = this.deps
    while (!isDone() && !signal.aborted) {
      await save()
      if (!isDone()) await clock.sleep(LOOK_MS, signal)
    }
    signal.throwIfAborted()
  }

  private async untilAll(
    shares: readonly number[],
    holds: (frontier: Ordinal) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { share, frontiers, clock } = this.deps
    for (const other of shares) {
      if (other === share) continue
      for (;;) {
        const frontier = await frontiers.of(other)
        if (frontier !== null && holds(frontier)) break
        await clock.sleep(LOOK_MS, signal)
      }
    }
  }
}
