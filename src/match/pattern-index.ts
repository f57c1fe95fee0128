import type { Value } from '../model/event/row.ts'
import type { PatternLookup } from '../model/rule/expression.ts'

type Literal = PatternLookup['values'][number]
type Fields = { readonly [name: string]: Value }

/** A lookup pays where it leaves out more than this share of its patterns, and from this many on. */
const WORTH_INDEXING = 4
const MOST_LEFT = 0.75

/** Says which of the patterns that look for something at one place can match the value there. */
interface Finder {
  /** Adds lists of their numbers, each ascending. */
  find(value: Value, found: Found): void
}
type Found = (readonly number[])[]

/**
 * Narrows down which of many rules have to be evaluated for an event: each is filed under one thing that it needs (a
 * value, an element, the beginning or end of a text, a range), and only those are looked at whose thing is there.
 */
export class PatternIndex {
  private readonly always: readonly number[]
  private readonly places: readonly IndexedPlace[]
  private readonly all: readonly number[]

  constructor(rules: readonly (readonly PatternLookup[])[]) {
    this.all = rules.map((_, number) => number)
    const rest = new Set(this.all)
    const places: IndexedPlace[] = []
    for (let best = bestPlace(rules, rest); best !== null; best = bestPlace(rules, rest)) {
      const { path, strict, entries } = best
      places.push({ path, finder: finderOf(best), otherwise: strict ? [...entries.keys()] : NONE })
      for (const [number] of best.entries) rest.delete(number)
    }
    this.always = [...rest]
    this.places = places
  }

  /** Numbers of the rules to evaluate, ascending. */
  candidates(event: Fields): readonly number[] {
    if (this.places.length === 0) return this.all
    const found: Found = this.always.length === 0 ? [] : [this.always]
    for (const place of this.places) visit(event, place, 0, found)
    // Mostly one place has something: then nothing has to be put together.
    if (found.length <= 1) return found[0] ?? NONE
    return withoutRepeated(found.flat().sort((one, other) => one - other))
  }
}

interface IndexedPlace {
  readonly path: readonly string[]
  readonly finder: Finder
  /** What is found where the path leads nowhere. */
  readonly otherwise: readonly number[]
}

const NONE: readonly number[] = []

/**
 * Leads to the values at a path; a list on the way stands for each of its elements that is a map. Filters know no such
 * lists: for them the path leads nowhere.
 */
function visit(fields: Fields, place: IndexedPlace, depth: number, found: Found): void {
  const { path, finder, otherwise } = place
  const name = path[depth]!
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (depth === path.length - 1) {
    if (value === undefined) add(found, otherwise)
    else if (value !== null) finder.find(value, found)
    return
  }
  if (typeof value !== 'object' || value === null) add(found, otherwise)
  else if (!Array.isArray(value)) visit(value as Fields, place, depth + 1, found)
  else if (otherwise.length > 0) found.push(otherwise)
  else {
    for (const element of value) {
      const isMap = typeof element === 'object' && element !== null && !Array.isArray(element)
      if (isMap) visit(element as Fields, place, depth + 1, found)
    }
  }
}

function withoutRepeated(sorted: number[]): readonly number[] {
  let kept = 1
  for (let i = 1; i < sorted.length; i++) if (sorted[i] !== sorted[kept - 1]) sorted[kept++] = sorted[i]!
  sorted.length = kept
  return sorted
}

interface Place {
  readonly path: readonly string[]
  readonly strict: boolean
  readonly by: PatternLookup['by']
  readonly entries: Map<number, PatternLookup['values']>
}

/** The place that leaves out the most patterns, on the average of what is looked for there. */
function bestPlace(rules: readonly (readonly PatternLookup[])[], among: ReadonlySet<number>): Place | null {
  const places = new Map<string, Place>()
  for (const number of among) {
    for (const { path, by, strict = false, values } of rules[number]!) {
      const name = JSON.stringify([by, strict, ...path])
      const place = places.get(name) ?? { path, by, strict, entries: new Map() }
      if (!place.entries.has(number)) place.entries.set(number, values)
      places.set(name, place)
    }
  }
  let best: { place: Place; gain: number } | null = null
  for (const place of places.values()) {
    if (place.entries.size < WORTH_INDEXING) continue
    const left = expectedShare(place)
    const gain = place.entries.size * (1 - left)
    if (left <= MOST_LEFT && (best === null || gain > best.gain)) best = { place, gain }
  }
  return best?.place ?? null
}

/** Which share of the patterns is found, for an event that has one of the things that they look for. */
function expectedShare({ by, entries }: Place): number {
  // Half of all ranges hold a number that is the end of one of them.
  if (by === 'range') return 1 / 2
  const counts = new Map<Literal, number>()
  for (const values of entries.values()) for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  let sum = 0
  for (const count of counts.values()) sum += count
  return sum / counts.size / entries.size
}

function finderOf({ by, entries }: Place): Finder {
  switch (by) {
    case 'range':
      return new RangeFinder(entries)
    case 'prefix':
    case 'suffix':
      return new EndFinder(entries, by)
    case 'value':
      return new ValueFinder(entries)
    case 'element':
      return new ElementFinder(entries)
  }
}

function byValue(entries: Place['entries']): ReadonlyMap<Literal, readonly number[]> {
  const numbers = new Map<Literal, number[]>()
  for (const [number, values] of entries) {
    for (const value of new Set(values)) {
      const known = numbers.get(value)
      if (known === undefined) numbers.set(value, [number])
      else known.push(number)
    }
  }
  return numbers
}

/** An integer beyond 2^53 is a bigint wherever it comes from, as in the lookups of patterns. */
function canonical(value: Literal): Literal {
  const isLarge = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isLarge ? BigInt(value) : value
}

function add(found: Found, numbers: readonly number[] | undefined): void {
  if (numbers !== undefined && numbers.length > 0) found.push(numbers)
}

class ValueFinder implements Finder {
  private readonly numbers: ReadonlyMap<Literal, readonly number[]>

  constructor(entries: Place['entries']) {
    this.numbers = byValue(entries)
  }

  find(value: Value, found: Found): void {
    if (typeof value !== 'object') add(found, this.numbers.get(canonical(value as Literal)))
  }
}

class ElementFinder implements Finder {
  private readonly numbers: ReadonlyMap<Literal, readonly number[]>

  constructor(entries: Place['entries']) {
    this.numbers = byValue(entries)
  }

  find(value: Value, found: Found): void {
    if (!Array.isArray(value)) return
    for (const element of value) if (typeof element !== 'object') add(found, this.numbers.get(canonical(element)))
  }
}

/** The beginning or the end of a text: one look for each length that there is. */
class EndFinder implements Finder {
  private readonly numbers: ReadonlyMap<Literal, readonly number[]>
  private readonly lengths: readonly number[]
  private readonly atStart: boolean

  constructor(entries: Place['entries'], by: 'prefix' | 'suffix') {
    this.numbers = byValue(entries)
    this.lengths = [...new Set([...this.numbers.keys()].map((text) => (text as string).length))]
    this.atStart = by === 'prefix'
  }

  find(value: Value, found: Found): void {
    if (typeof value !== 'string') return
    for (const length of this.lengths) {
      if (length > value.length) continue
      add(found, this.numbers.get(this.atStart ? value.slice(0, length) : value.slice(-length)))
    }
  }
}

/** Ranges in the order of their lower ends: from the last that begins in time back to where no range is long enough. */
class RangeFinder implements Finder {
  private readonly lows: readonly (number | bigint)[]
  private readonly highs: readonly (number | bigint)[]
  /** The highest end of a range and of all before it. */
  private readonly reach: readonly (number | bigint)[]
  private readonly numbers: readonly number[]

  constructor(entries: Place['entries']) {
    const ranges = [...entries].map(([number, [low, high]]) => ({ number, low, high }) as Range)
    ranges.sort((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0))
    this.lows = ranges.map(({ low }) => low)
    this.highs = ranges.map(({ high }) => high)
    this.numbers = ranges.map(({ number }) => number)
    let reach: number | bigint = -Infinity
    this.reach = this.highs.map((high) => (reach = high > reach ? high : reach))
  }

  find(value: Value, found: Found): void {
    if (typeof value !== 'number' && typeof value !== 'bigint') return
    const numbers: number[] = []
    for (let i = this.lastFrom(value); i >= 0 && this.reach[i]! >= value; i--) {
      if (this.highs[i]! >= value) numbers.push(this.numbers[i]!)
    }
    add(found, numbers.length > 1 ? numbers.sort((one, other) => one - other) : numbers)
  }

  /** The last range that begins at the value or before it; -1: none. */
  private lastFrom(value: number | bigint): number {
    let [low, high] = [0, this.lows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.lows[middle]! <= value) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

interface Range {
  readonly number: number
  readonly low: number | bigint
  readonly high: number | bigint
}
