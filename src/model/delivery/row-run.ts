import { Utf8Bytes } from '../event/bytes/content.ts'
import type { Change, Transaction } from '../event/change.ts'
import type { ActionPlan } from '../rule/rule.ts'
import { InFlightJob } from './in-flight-job.ts'
import type { Hold } from './in-flight-job.ts'

/** The one lane of a target that takes lines. */
export const LINES_LANE = 0

/** Makes the change of a row again from its image, `image[start, end)`. */
export type ChangeOfImage = (
  image: Buffer,
  start: number,
  end: number,
  transaction: Transaction,
  seq: number,
  query: string | null,
) => Change

/** The rows of a run, in parallel lists: an object for each of them would cost more than all that is done with it. */
export class RunRows {
  readonly seqs: number[] = []
  /** Where the images of the rows lie. */
  readonly imageStarts: number[] = []
  readonly imageEnds: number[] = []
  /** Where the lines end; the next one begins behind a newline. */
  readonly lineEnds: number[] = []
  /** What each of them holds of the budget. */
  readonly bytes: number[] = []
}

export interface RunParts {
  readonly action: ActionPlan
  readonly transaction: Transaction
  readonly query: string | null
  readonly rows: RunRows
  readonly images: Buffer
  /** Their lines, with a newline between each two. */
  readonly lines: Utf8Bytes
  readonly changeOf: ChangeOfImage
  /** Nobody needs images and lines any more. */
  readonly letGo: () => void
}

/**
 * Consecutive rows of one transaction on their way to a target that takes lines, as one job: its payload is their lines.
 * They end together; where something concerns some of them only, or might, `singles` are dealt with in its place.
 */
export class RowRun extends InFlightJob {
  private readonly parts: RunParts
  private made: readonly InFlightJob[] | null = null

  constructor(parts: RunParts, bytes: number, hold: Hold) {
    super(parts.action, changeAt(parts, 0), parts.lines, LINES_LANE, bytes, hold, null)
    this.parts = parts
  }

  override get count(): number {
    return this.parts.rows.seqs.length
  }

  override get lastSeq(): number {
    return this.parts.rows.seqs.at(-1)!
  }

  get ids(): readonly string[] {
    const { transaction, rows } = this.parts
    return rows.seqs.map((seq) => `${transaction.id}/${seq}`)
  }

  override singles(): readonly InFlightJob[] {
    this.made ??= this.makeSingles()
    return this.made
  }

  override end(): void {
    super.end()
    if (this.made === null) this.parts.letGo()
  }

  private makeSingles(): readonly InFlightJob[] {
    const { action, rows, lines } = this.parts
    const hold = new SharedHold(this.hold, this.count)
    let at = lines.start
    return rows.lineEnds.map((end, i) => {
      const line = new Utf8Bytes(lines.buffer, at, end)
      at = end + 1
      return new InFlightJob(action, changeAt(this.parts, i), line, this.lane, rows.bytes[i]!, hold, null)
    })
  }
}

function changeAt({ rows, images, transaction, query, changeOf }: RunParts, row: number): Change {
  return changeOf(images, rows.imageStarts[row]!, rows.imageEnds[row]!, transaction, rows.seqs[row]!, query)
}

/** One hold on a transaction, released by the last of those that share it. */
class SharedHold implements Hold {
  private readonly hold: Hold
  private left: number

  constructor(hold: Hold, sharers: number) {
    this.hold = hold
    this.left = sharers
  }

  release(): void {
    this.left -= 1
    if (this.left === 0) this.hold.release()
  }
}
