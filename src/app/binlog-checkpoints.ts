import type { CheckpointStore } from '../model/checkpoint.ts'
import type { PositionStore, StoredPosition } from '../flow/checkpoint/position-store.ts'
import { readPrinted } from '../sources/mysql/binlog-positions.ts'

/** The checkpoint of an instance, as `bingo position show` prints it, as the place for the position of its binlog. */
export class BinlogCheckpoints implements PositionStore {
  private readonly store: CheckpointStore
  private readonly name: string

  constructor(store: CheckpointStore, name: string) {
    this.store = store
    this.name = name
  }

  get description(): string {
    return this.store.description
  }

  save({ position, savedAt, epoch, gaps }: StoredPosition): Promise<void> {
    return this.store.save({ version: 1, name: this.name, ...readPrinted(position), savedAt, epoch, gaps })
  }
}
