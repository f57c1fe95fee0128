import type { PositionStore, StoredPosition } from '../flow/checkpoint/position-store.ts'
import type { Checkpoint, CheckpointStore } from '../model/state/checkpoint.ts'
import { NO_GAPS } from '../model/event/gap.ts'
import { readPrinted, type PrintedPosition } from '../sources/mysql/binlog-positions.ts'
import type { SourceRecords } from '../state/checkpoint/source-record.ts'

/** Where the position of one source is kept, and found again. */
export interface PositionPlace extends PositionStore {
  /** Null for a first start. Rejects with BINGO_CHECKPOINT_… or BINGO_STATE_…. */
  load(): Promise<StoredPosition | null>
}

/** The checkpoint of an instance, as `bingo position show` prints it, as the place for the position of its binlog. */
export class BinlogCheckpoints implements PositionPlace {
  private readonly store: CheckpointStore
  private readonly name: string

  constructor(store: CheckpointStore, name: string) {
    this.store = store
    this.name = name
  }

  get description(): string {
    return this.store.description
  }

  async load(): Promise<StoredPosition | null> {
    const checkpoint = await this.store.load()
    if (checkpoint === null) return null
    const { position, server, savedAt, epoch, gaps = NO_GAPS } = checkpoint
    const printed: PrintedPosition = { position, server }
    return { position: JSON.stringify(printed), savedAt, epoch, gaps }
  }

  save(stored: StoredPosition): Promise<void> {
    return this.store.save(checkpointOf(stored, this.name))
  }
}

/** The record of a further binlog, as a checkpoint that `bingo position` shows and sets. */
export class RecordCheckpoints implements CheckpointStore {
  readonly close: () => Promise<void>
  private readonly records: SourceRecords
  private readonly name: string

  constructor(records: SourceRecords, name: string, close: () => Promise<void>) {
    this.records = records
    this.name = name
    this.close = close
  }

  get description(): string {
    return this.records.description
  }

  async load(): Promise<Checkpoint | null> {
    const stored = await this.records.load()
    return stored === null ? null : checkpointOf(stored, this.name)
  }

  save({ position, server, savedAt, epoch, gaps = NO_GAPS }: Checkpoint): Promise<void> {
    const printed: PrintedPosition = { position, server }
    return this.records.save({ position: JSON.stringify(printed), savedAt, epoch, gaps })
  }
}

function checkpointOf({ position, savedAt, epoch, gaps }: StoredPosition, name: string): Checkpoint {
  return { version: 1, name, ...readPrinted(position), savedAt, epoch, gaps }
}
