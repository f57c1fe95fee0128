import type { CounterStore } from '../../model/state/counters.ts'
import type { PositionStore, StoredPosition } from '../checkpoint/position-store.ts'
import type { Thresholds } from './thresholds.ts'

/** The positions of a source with the counters that go with them: those are stored first. */
export class CountedPositions implements PositionStore {
  private readonly positions: PositionStore
  private readonly counters: CounterStore
  private readonly thresholds: Pick<Thresholds, 'take' | 'putBack'>

  constructor(positions: PositionStore, counters: CounterStore, thresholds: Pick<Thresholds, 'take' | 'putBack'>) {
    this.positions = positions
    this.counters = counters
    this.thresholds = thresholds
  }

  get description(): string {
    return this.positions.description
  }

  /** Nothing is awaited before the counters are taken: they are as of this very position. */
  async save(stored: StoredPosition): Promise<void> {
    const counted = this.thresholds.take()
    try {
      await this.counters.save(stored.position, counted, stored.epoch)
    } catch (error) {
      if (counted !== null) this.thresholds.putBack()
      throw error
    }
    await this.positions.save(stored)
    this.counters.stored()
  }
}
