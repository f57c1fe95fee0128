import type { ChangeLogRecord } from '../model/state/change-log.ts'
import { compareOrdinals, type Ordinal } from './contract.ts'
import { Pieces } from './pieces.ts'
import { parseRecord, type ScaleRecord } from './record.ts'
import type { Route } from './routes.ts'

/** What of a change a run has to append. */
export interface Missing {
  readonly shares: readonly number[]
  /** Those of them that go back with it: what stands behind it there comes once more. */
  readonly again: readonly number[]
}

/** What stands in a share of runs that were killed, and is not known to be finished. */
interface Unended {
  readonly ids: Set<string>
  /** The change that stands last, whether it counts or not. Null: this run has come to it, or has gone back behind it. */
  newest: string | null
}

/**
 * What readers that were killed have appended, so that it is not appended again. In each share it counts as long as what
 * comes again is what stands there, one after the other: from the first change on that is missing, everything is appended,
 * so that nothing older ends up behind something newer.
 */
export class Appended {
  readonly #shares: readonly Unended[]

  /** `tail`: the newest records of each share, in order; what the run of this `epoch` has appended ends them. */
  constructor(tail: readonly ChangeLogRecord[], shares: number, epoch: number) {
    const bodies = Map.groupBy(tail, ({ share }) => share)
    const taken = Array.from({ length: shares }, (_, share) =>
      takenOf((bodies.get(share) ?? []).map(({ body }) => body)).filter(({ ordinal }) => ordinal.epoch < epoch),
    )
    /** By share and epoch: the last number. */
    const ends = taken.map((records) => new Map(records.map(({ ordinal: { epoch: of, number } }) => [of, number])))
    const isWhole = ({ epoch: of, number }: Ordinal, meet: readonly number[]): boolean =>
      meet.every((share) => (ends[share]?.get(of) ?? -1) >= number)
    this.#shares = taken.map((records) => unendedOf(records, isWhole))
  }

  /** How many changes it knows of. */
  get size(): number {
    return this.#shares.reduce((sum, { ids }) => sum + ids.size, 0)
  }

  /** To be asked once for each change, in order. Shares that meet have a change together, or get it together. */
  missing(id: string, { shares, meets }: Route): Missing {
    const lacking = shares.filter((share) => !this.#shares[share]!.ids.has(id))
    const missing = meets && lacking.length > 0 ? shares : lacking
    const again = missing.filter((share) => this.#shares[share]!.newest !== null)
    for (const share of shares) {
      const of = this.#shares[share]!
      if (of.newest !== id && !missing.includes(share)) continue
      of.ids.clear()
      of.newest = null
    }
    return { shares: missing, again }
  }
}

/** As workers take them: not what came twice, nor from a reader that was replaced. */
function takenOf(bodies: readonly string[]): readonly ScaleRecord[] {
  const pieces = new Pieces()
  let newest: Ordinal = { epoch: -1, number: -1 }
  return bodies.flatMap((body) => {
    const record = parsed(pieces.add(body))
    if (record === null || compareOrdinals(record.ordinal, newest) <= 0) return []
    newest = record.ordinal
    return [record]
  })
}

/**
 * Behind a change that not all shares were given that were to meet at it, workers drop what is of the same run: some of
 * what comes before it may be missing as well, in the others.
 */
function unendedOf(
  records: readonly ScaleRecord[],
  isWhole: (ordinal: Ordinal, meet: readonly number[]) => boolean,
): Unended {
  const ids = new Set<string>()
  let newest: string | null = null
  let broken: number | null = null
  for (const record of records) {
    const { tag, ordinal } = record
    if (tag !== 'change') {
      if (tag !== 'hello') ids.clear()
      if (tag === 'bye') newest = null
      continue
    }
    newest = record.id
    if (record.meet !== null && !isWhole(ordinal, record.meet)) broken = ordinal.epoch
    if (ordinal.epoch !== broken) ids.add(record.id)
  }
  return { ids, newest }
}

function parsed(text: string | null): ScaleRecord | null {
  try {
    return text === null ? null : parseRecord(text)
  } catch {
    return null
  }
}
