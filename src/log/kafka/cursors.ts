import type { LogEntry } from '../../model/state/event-log.ts'
import type { Mark } from '../indexed/entry.ts'

/** An entry as it is in a partition. */
export interface Placed extends Mark {
  readonly partition: number
  readonly offset: bigint
  /** Null: the index has it. */
  readonly entry: LogEntry | null
}

/** By partition: everything before has been read up to `place`. */
interface Cursor {
  readonly place: number
  readonly offsets: readonly bigint[]
}

/** Readers that go on where they were: one each, and some that begin again. */
const MOST = 16

/** Where reading goes on behind a place. */
export class Cursors {
  #cursors: Cursor[] = []

  /** Offsets before which there is nothing behind the place; null: not known. */
  upTo(place: number): readonly bigint[] | null {
    let best: Cursor | null = null
    for (const each of this.#cursors) {
      if (each.place <= place && each.place >= (best?.place ?? 0)) best = each
    }
    return best?.offsets ?? null
  }

  /** Everything before `offsets` was read; of what was found, some is behind the place. */
  add(place: number, offsets: readonly bigint[], found: Iterable<Placed>): void {
    const behind = [...offsets]
    for (const each of found) {
      if (each.place > place && each.offset < behind[each.partition]!) behind[each.partition] = each.offset
    }
    this.#cursors = [...this.#cursors.filter((each) => each.place !== place), { place, offsets: behind }].slice(-MOST)
  }

  clear(): void {
    this.#cursors = []
  }
}
