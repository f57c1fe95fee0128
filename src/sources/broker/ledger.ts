import type { Positions } from '../../model/source/source.ts'
import { BingoError } from '../../model/errors.ts'
import { text, valuesOf } from '../../model/json/shape.ts'
import { readStored } from '../../model/json/stored.ts'
import type { Finished, PartLease } from './contract.ts'

/** Behind which record reading is. Only what it prints says where that is. */
export interface BrokerPosition {
  readonly number: number
  /** Of an earlier run. */
  readonly places?: ReadonlyMap<string, string>
}

interface Entry {
  readonly number: number
  readonly lease: PartLease
  readonly place: string
}

/**
 * What was handed in and is not finished, over all parts in one order. The watermark is one number; what it means for each
 * part is looked up here, so that a record costs one small object, however many parts there are.
 */
export class PartLedger {
  private entries: Entry[] = []
  private head = 0
  private issued = 0
  /** By part: everything up to here is finished. */
  private readonly places = new Map<string, string>()
  private unacknowledged = new Map<PartLease, string>()
  private settling: (() => void)[] = []

  get newest(): number {
    return this.issued
  }

  /** Handed in, and not yet known as finished and durable. */
  get size(): number {
    return this.entries.length - this.head + this.unacknowledged.size
  }

  /** Where an earlier run had come to, or a first start begins. */
  begin(places: ReadonlyMap<string, string>): void {
    for (const [part, place] of places) if (!this.places.has(part)) this.places.set(part, place)
  }

  add(lease: PartLease, place: string): BrokerPosition {
    this.issued += 1
    this.entries.push({ number: this.issued, lease, place })
    return { number: this.issued }
  }

  /** Everything up to the position is finished: what there is to acknowledge. */
  finished({ number }: BrokerPosition): Finished {
    this.moveTo(number)
    const finished = this.unacknowledged
    this.unacknowledged = new Map()
    if (this.size === 0) for (const settled of this.settling.splice(0)) settled()
    return finished
  }

  /** Resolves when nothing is in flight. */
  settled(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.settling.push(resolve))
  }

  readonly positions: Positions<BrokerPosition> = {
    print: ({ number }) => {
      this.moveTo(number)
      return JSON.stringify(Object.fromEntries([...this.places].sort(([one], [other]) => (one < other ? -1 : 1))))
    },
    parse: parsePlaces,
  }

  private moveTo(number: number): void {
    const { entries } = this
    while (this.head < entries.length && entries[this.head]!.number <= number) {
      const { lease, place } = entries[this.head]!
      this.head += 1
      if (lease.lost) continue
      this.places.set(lease.part, place)
      this.unacknowledged.set(lease, place)
    }
    if (this.head === entries.length) {
      entries.length = 0
      this.head = 0
    } else if (this.head > 1_024 && this.head * 2 > entries.length) {
      entries.splice(0, this.head)
      this.head = 0
    }
  }
}

const PLACES = valuesOf(text)

function parsePlaces(stored: string): BrokerPosition {
  const places = readStored<{ readonly [part: string]: string }>(stored, PLACES, (fault) => {
    const message = `The stored position of a broker source is not readable: ${fault}`
    return new BingoError('BINGO_CHECKPOINT_CORRUPT', message, {
      hint: 'Restore the state from a backup, or give the source another `name`.',
    })
  })
  return { number: 0, places: new Map(Object.entries(places)) }
}
