import { BingoError } from '../../model/errors.ts'
import { NO_GAPS, type GapLog } from '../../model/event/gap.ts'
import type { StateStore } from '../../model/state/state.ts'
import { FencedValue } from './fenced-value.ts'
import { checksum } from './record.ts'

/** What is stored of a source whose positions only the source can read. */
export interface SourceRecord {
  /** As the source prints it. */
  readonly position: string
  /** Milliseconds since 1970. */
  readonly savedAt: number
  /** Fencing: a save with a lower epoch than the stored one is refused. */
  readonly epoch: number
  /** Changes that were skipped knowingly. */
  readonly gaps: GapLog
}

const VERSION = 1

/** Without `gaps` where there are none; `crc` is the CRC32 in hex of the JSON without it. */
type StoredRecord = Omit<SourceRecord, 'gaps'> & Partial<Record<'crc' | 'version', unknown>> & { gaps?: GapLog }

/** The position of one source of an instance, in a store of state under `checkpoint/NAME/SOURCE`. */
export class SourceRecords {
  readonly description: string
  readonly #value: FencedValue

  constructor(state: StateStore, name: string, source: string) {
    const key = `checkpoint/${name}/${source}`
    this.description = `${state.description} ${key}`
    this.#value = new FencedValue(state, key)
  }

  /** Null for a first start. Rejects with BINGO_CHECKPOINT_CORRUPT, …_UNREACHABLE, …_LOCKED or BINGO_STATE_…. */
  async load(): Promise<SourceRecord | null> {
    const stored = await this.#value.load()
    return stored === null ? null : parse(stored, this.description)
  }

  /** Atomic. Rejects with BINGO_CHECKPOINT_FENCED when another instance has taken over. */
  save({ position, savedAt, epoch, gaps }: SourceRecord): Promise<void> {
    const record = { version: VERSION, position, savedAt, epoch, ...(gaps.total > 0 && { gaps }) }
    return this.#value.save(JSON.stringify({ ...record, crc: checksum(JSON.stringify(record)) }), epoch)
  }
}

function parse(stored: string, place: string): SourceRecord {
  try {
    const { crc, ...record } = JSON.parse(stored) as StoredRecord
    const { version, position, savedAt, epoch, gaps = NO_GAPS } = record
    if (version === VERSION && crc === checksum(JSON.stringify(record))) return { position, savedAt, epoch, gaps }
  } catch {
    // Reported below like any other text that is not a record.
  }
  throw new BingoError('BINGO_CHECKPOINT_CORRUPT', `The position in ${place} cannot be used: it is not a record`, {
    hint: 'Restore it from a backup, or remove it: the source then begins as at a first start.',
  })
}
