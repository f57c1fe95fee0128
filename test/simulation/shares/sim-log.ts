import type { Clock } from '../../../src/model/clock.ts'
import { BingoError } from '../../../src/model/errors.ts'
import type { ChangeLog, ChangeLogEntry, ChangeLogRecord } from '../../../src/model/state/change-log.ts'
import type { Versioned, StateStore } from '../../../src/model/state/state.ts'
import { compareOrdinals, type Ordinal } from '../../../src/scale/contract.ts'
import { Pieces } from '../../../src/scale/pieces.ts'
import { parseRecord, type ScaleRecord } from '../../../src/scale/record.ts'
import { MemoryStateStore } from '../../../src/state/memory/state-store.ts'
import type { Random } from '../random.ts'

const MOST_READ = 12
/** What a log can say of the newest records of a share: often fewer than a reader has appended behind its checkpoint. */
const TAIL = { least: 3, most: 60 }
/** Of one record: changes are in two or three pieces then. */
const FEW_BYTES = 100

interface Taken {
  readonly records: { readonly record: ScaleRecord; readonly place: number }[]
  readonly ordinals: Set<string>
}

/** The log of changes and the state store: both outlive the processes, are slow and at times away, and lose answers. */
export class SimLog {
  healed = false
  readonly shares: ChangeLogRecord[][]
  /** Told of each place that is trimmed. */
  onTrim: (share: number, upTo: number) => void = () => undefined
  private readonly random: Random
  private readonly mostBytes: number
  private readonly values = new MemoryStateStore()
  private readonly pieces: Pieces[]
  /** By share and change: the ordinals that it stands under. */
  private readonly ordinals: Map<string, Set<string>>[]
  /** By share: what counts where it stands, which leaves out what came twice, and what came of a reader that was replaced. */
  private readonly taken: Taken[]

  constructor(shares: number, random: Random) {
    this.random = random
    this.mostBytes = random.chance(0.5) ? FEW_BYTES : 1 << 20
    this.shares = Array.from({ length: shares }, () => [])
    this.ordinals = Array.from({ length: shares }, () => new Map())
    this.pieces = Array.from({ length: shares }, () => new Pieces())
    this.taken = Array.from({ length: shares }, () => ({ records: [], ordinals: new Set() }))
  }

  /**
   * What of a share counts up to this place: not what came twice, nor from a reader that was replaced, nor what one has appended
   * behind a change that another share was to have as well, and never got or dropped itself for the same reason.
   */
  changesUpTo(share: number, place: number): readonly string[] {
    const broken = this.broken()
    return this.taken[share]!.records.flatMap(({ record, place: at }) => {
      const { tag, ordinal } = record
      return tag === 'change' && at <= place && !isBehind(broken[share]!, ordinal) ? [record.id] : []
    })
  }

  /** Of the newest record of a share that is not there twice. */
  lastPlace(share: number): number {
    return this.taken[share]!.records.at(-1)?.place ?? 0
  }

  /** By share and epoch: the number from which on nothing counts. */
  private broken(): readonly Map<number, number>[] {
    const broken = this.taken.map(() => new Map<number, number>())
    for (let isSettled = false; !isSettled;) {
      isSettled = true
      for (const [share, { records }] of this.taken.entries()) {
        for (const { record } of records) {
          const { tag, ordinal } = record
          if (tag !== 'change' || record.meet === null || isBehind(broken[share]!, ordinal)) continue
          const lacks = (other: number): boolean =>
            !this.taken[other]!.ordinals.has(textOf(ordinal)) || isBehind(broken[other]!, ordinal)
          if (!record.meet.some(lacks)) continue
          broken[share]!.set(ordinal.epoch, ordinal.number)
          isSettled = false
        }
      }
    }
    return broken
  }

  /** How often a reader has appended the change; what it sends again for want of an answer has the number that it had. */
  timesOf(share: number, event: string): number {
    return this.ordinals[share]!.get(event)?.size ?? 0
  }

  /** As one process reaches it. */
  open(clock: Clock): ChangeLog {
    return {
      description: 'simulated',
      check: () => Promise.resolve(),
      mostBytes: () => Promise.resolve(this.mostBytes),
      append: async (records) => {
        await this.travel(clock)
        let isWhole = true
        for (const ofShare of Map.groupBy(records, ({ share }) => share).values()) {
          // Each share is on a server of its own: of one everything may be there, of another nothing.
          const some = this.isLucky() ? ofShare.length : this.random.int(0, ofShare.length)
          for (let at = 0, end = 0; at < some; at = end) {
            end = this.random.int(at + 1, some)
            for (const record of ofShare.slice(at, end)) this.add(record)
            // Another reader may come in between.
            if (end < some && this.random.chance(0.3)) await clock.sleep(this.random.int(0, 4))
          }
          isWhole &&= some === ofShare.length
        }
        if (!isWhole || !this.isLucky()) throw away()
      },
      tail: async () => {
        await this.travel(clock)
        return this.shares.flatMap((records) => records.slice(-this.random.int(TAIL.least, TAIL.most)))
      },
      read: async (share, after): Promise<readonly ChangeLogEntry[]> => {
        await this.travel(clock)
        const from = Number(after ?? 0)
        const found = this.shares[share]!.slice(from, from + this.random.int(1, MOST_READ))
        return found.map(({ body }, i) => ({ place: String(from + i + 1), body }))
      },
      behind: async (share, place) => this.shares[share]!.length - Number(place ?? 0),
      trim: async (share, upTo) => {
        await this.travel(clock)
        this.onTrim(share, Number(upTo))
      },
      close: () => Promise.resolve(),
    }
  }

  /** As one process reaches it. */
  state(clock: Clock): StateStore {
    const { values } = this
    return {
      description: 'simulated',
      load: async (key): Promise<Versioned | null> => {
        await this.travel(clock)
        return values.load(key)
      },
      save: async (key, value, ifVersion) => {
        await this.travel(clock)
        const saved = await values.save(key, value, ifVersion)
        if (!this.isLucky()) throw away()
        return saved
      },
      lease: (name, ttlMs) => values.lease(name, ttlMs),
      close: () => Promise.resolve(),
    }
  }

  async travel(clock: Clock): Promise<void> {
    if (this.healed) return clock.sleep(1)
    await clock.sleep(this.random.int(0, 4))
    if (this.random.chance(0.03)) throw away()
  }

  private isLucky(): boolean {
    return this.healed || !this.random.chance(0.03)
  }

  private add(record: ChangeLogRecord): void {
    this.shares[record.share]!.push(record)
    const text = this.pieces[record.share]!.add(record.body)
    const parsed = text === null ? null : parseRecord(text)
    if (parsed === null) return
    const { records, ordinals } = this.taken[record.share]!
    const newest = records.at(-1)?.record.ordinal
    if (newest === undefined || compareOrdinals(parsed.ordinal, newest) > 0) {
      records.push({ record: parsed, place: this.shares[record.share]!.length })
      ordinals.add(textOf(parsed.ordinal))
    }
    if (parsed.tag !== 'change') return
    const known = this.ordinals[record.share]!
    known.set(parsed.id, (known.get(parsed.id) ?? new Set()).add(textOf(parsed.ordinal)))
  }
}

function isBehind(broken: ReadonlyMap<number, number>, { epoch, number }: Ordinal): boolean {
  return number >= (broken.get(epoch) ?? Infinity)
}

function textOf({ epoch, number }: Ordinal): string {
  return `${epoch}/${number}`
}

export function away(): BingoError {
  return new BingoError('BINGO_SIMULATED', 'away', { retryable: true })
}
