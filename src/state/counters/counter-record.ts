import { type Check, listOf, mapOf, number, text, tupleOf } from '../../model/json/shape.ts'
import { readStored } from '../../model/json/stored.ts'
import type { CounterStore } from '../../model/state/counters.ts'
import type { StateStore } from '../../model/state/state.ts'
import { stateCorrupt } from '../../model/state/state-value.ts'
import { FencedValue } from '../checkpoint/fenced-value.ts'

/** Counters of one age. */
type Slot = readonly [generation: number, counters: string]
/** Which counters belong to a position. */
type Place = readonly [position: string, generation: number]

const SLOTS = mapOf({ slots: listOf(tupleOf(number, text)) })
const PLACES = mapOf({ slots: listOf(tupleOf(text, number)) })

/**
 * Counters of one source in a store of state, as of the stored position and as of the next: a crash may come between the
 * two writes. `thresholds/NAME/SOURCE` has the counters, which are written when they changed; `…/at` has the positions.
 */
export class CounterRecord implements CounterStore {
  readonly description: string
  readonly #counters: FencedValue
  readonly #places: FencedValue
  #slots: readonly Slot[] = []
  #generation = 0
  /** What belongs to the position that is stored. */
  #stored: Place | null = null
  #saved: Place | null = null

  constructor(state: StateStore, name: string, source: string) {
    const key = `thresholds/${name}/${source}`
    this.description = `${state.description} ${key}`
    this.#counters = new FencedValue(state, key)
    this.#places = new FencedValue(state, `${key}/at`)
  }

  async load(position: string): Promise<string | null> {
    const places = slotsIn<Place>(await this.#places.load(), PLACES, `${this.description}/at`)
    const slots = slotsIn<Slot>(await this.#counters.load(), SLOTS, this.description)
    this.#generation = Math.max(0, ...slots.map(([generation]) => generation))
    const wanted = canonical(position)
    const place = places.find(([of]) => of === wanted)
    const slot = place && slots.find(([generation]) => generation === place[1])
    // Those of a position that was never stored are not what we go on from.
    this.#slots = slot === undefined ? [] : [slot]
    this.#stored = slot === undefined ? null : place!
    this.#saved = this.#stored
    return slot?.[1] ?? null
  }

  async save(position: string, counters: string | null, epoch: number): Promise<void> {
    if (counters !== null) {
      const kept = this.#slots.filter(([generation]) => generation === this.#stored?.[1])
      this.#generation += 1
      this.#slots = [...kept, [this.#generation, counters]]
      await this.#counters.save(JSON.stringify({ epoch, slots: this.#slots }), epoch)
    }
    // Nobody counts.
    if (this.#slots.length === 0) return
    const place: Place = [canonical(position), this.#slots.at(-1)![0]]
    const kept = this.#stored === null ? [] : [this.#stored]
    await this.#places.save(JSON.stringify({ epoch, slots: [...kept, place] }), epoch)
    this.#saved = place
  }

  stored(): void {
    this.#stored = this.#saved
  }
}

/** Throws BINGO_STATE_CORRUPT. */
function slotsIn<T>(stored: string | null, check: Check, place: string): readonly T[] {
  if (stored === null) return []
  const corrupt = (fault: string, cause?: unknown): Error => stateCorrupt(place, fault, cause)
  return readStored<{ readonly slots: readonly T[] }>(stored, check, corrupt).slots
}

/** Stores of positions may keep a JSON object with its keys in another order. */
function canonical(position: string): string {
  try {
    return JSON.stringify(JSON.parse(position), (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)))
        : value,
    )
  } catch {
    return position
  }
}
