import type { CounterStore } from '../../model/state/counters.ts'
import type { PositionStore, StoredPosition } from '../checkpoint/position-store.ts'
import type { Thresholds } from './thresholds.ts'

/** The positions of a source with the counters that go with them: those are stored first. */
export class CountedPositions implements PositionStore {
  private readonly positions: PositionStore
  private readonly counters: CounterStore
  private readonly thresholds: Pick<Thresholds, 'take'>
  /** What was counted by the position that is saved next, as far as it is not stored. */
  private counted: string | null = null
  /** It may be stored, or not: no answer came. */
  private unsure: StoredPosition | null = null

  constructor(positions: PositionStore, counters: CounterStore, thresholds: Pick<Thresholds, 'take'>) {
    this.positions = positions
    this.counters = counters
    this.thresholds = thresholds
  }

  get description(): string {
    return this.positions.description
  }

  take(): void {
    this.counted = this.thresholds.take() ?? this.counted
  }

  async save(stored: StoredPosition): Promise<void> {
    // The counters of two positions are kept: of the one that is stored, which has to be known, and of the next.
    if (this.unsure !== null) await this.savePosition(this.unsure)
    await this.counters.save(stored.position, this.counted, stored.epoch)
    this.counted = null
    await this.savePosition(stored)
  }

  private async savePosition(stored: StoredPosition): Promise<void> {
    this.unsure = stored
    await this.positions.save(stored)
    this.unsure = null
    this.counters.stored()
  }
}
