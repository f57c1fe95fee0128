import { invalidGtid } from './gtid-invalid.ts'

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/
const TAG = /^[a-z_][a-z0-9_]{0,31}$/
const NUMBERS = /^([0-9]{1,19})(?:-([0-9]{1,19}))?$/
/** Transaction numbers end one below the largest signed 64-bit integer (MySQL manual, "GTID Format and Storage"). */
const LAST_NUMBER = 0x7fff_ffff_ffff_fffen

/** Closed intervals of one source, sorted, never touching each other. */
interface Intervals {
  readonly first: bigint[]
  readonly last: bigint[]
}

/**
 * The transactions that a MySQL server has executed, as it writes them itself:
 * `uuid:1-5:8,uuid:1-3:tag:4-6`. A source is a server's UUID, or `uuid:tag` for tagged GTIDs (8.3 and later).
 * Numbers are bigint inside: they go up to 2^63-2. Throws BINGO_GTID_INVALID for text that is not a set.
 */
export class MysqlGtidSet {
  readonly #sources = new Map<string, Intervals>()
  #text: string | null = ''

  static parse(text: string): MysqlGtidSet {
    const set = new MysqlGtidSet()
    for (const entry of text.split(',')) {
      const trimmed = entry.trim()
      if (trimmed !== '') parseSource(set, trimmed.toLowerCase(), text)
    }
    return set
  }

  /** Adds `uuid:n` or `uuid:tag:n`. */
  add(gtid: string): void {
    const { source, number } = splitGtid(gtid)
    this.addInterval(source, number, number)
  }

  /** Adds the closed interval of a source (`uuid` or `uuid:tag`, lower case). O(log n), appending is O(1). */
  addInterval(source: string, first: bigint, last: bigint): void {
    this.#text = null
    const intervals = this.#sources.get(source)
    if (intervals === undefined) this.#sources.set(source, { first: [first], last: [last] })
    else insert(intervals, first, last)
  }

  contains(gtid: string): boolean {
    const { source, number } = splitGtid(gtid)
    return this.#covers(source, number, number)
  }

  containsSet(other: MysqlGtidSet): boolean {
    for (const [source, { first, last }] of other.#sources) {
      for (let i = 0; i < first.length; i++) if (!this.#covers(source, first[i]!, last[i]!)) return false
    }
    return true
  }

  /** What is in this set and not in the other. */
  subtract(other: MysqlGtidSet): MysqlGtidSet {
    const difference = new MysqlGtidSet()
    for (const [source, intervals] of this.#sources) {
      const holes = other.#sources.get(source)
      for (let i = 0; i < intervals.first.length; i++) {
        cutOut(intervals.first[i]!, intervals.last[i]!, holes, (a, b) => difference.addInterval(source, a, b))
      }
    }
    return difference
  }

  addSet(other: MysqlGtidSet): void {
    for (const [source, { first, last }] of other.#sources) {
      for (let i = 0; i < first.length; i++) this.addInterval(source, first[i]!, last[i]!)
    }
  }

  isEmpty(): boolean {
    return this.#sources.size === 0
  }

  clone(): MysqlGtidSet {
    const copy = new MysqlGtidSet()
    for (const [source, { first, last }] of this.#sources) {
      copy.#sources.set(source, { first: first.slice(), last: last.slice() })
    }
    copy.#text = this.#text
    return copy
  }

  /** As the server prints it: sources sorted, the tags of one UUID behind its untagged numbers. */
  toString(): string {
    this.#text ??= this.#print()
    return this.#text
  }

  #print(): string {
    let text = ''
    let previousUuid = ''
    for (const source of [...this.#sources.keys()].sort()) {
      const { first, last } = this.#sources.get(source)!
      const [uuid, tag] = source.split(':') as [string, string?]
      if (uuid !== previousUuid) text += `${text === '' ? '' : ','}${uuid}`
      if (tag !== undefined) text += `:${tag}`
      for (let i = 0; i < first.length; i++) {
        text += first[i] === last[i] ? `:${first[i]}` : `:${first[i]}-${last[i]}`
      }
      previousUuid = uuid
    }
    return text
  }

  #covers(source: string, first: bigint, last: bigint): boolean {
    const intervals = this.#sources.get(source)
    if (intervals === undefined) return false
    const i = firstEndingAtOrAfter(intervals.last, first)
    return i < intervals.last.length && intervals.first[i]! <= first && last <= intervals.last[i]!
  }
}

/** Index of the first interval whose end is not below `number`. */
function firstEndingAtOrAfter(last: readonly bigint[], number: bigint): number {
  let low = 0
  let high = last.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (last[middle]! < number) low = middle + 1
    else high = middle
  }
  return low
}

function insert({ first, last }: Intervals, from: bigint, to: bigint): void {
  const tail = last.length - 1
  if (last[tail]! + 1n === from) {
    last[tail] = to
    return
  }
  // The intervals that overlap or touch [from, to] become one.
  const begin = firstEndingAtOrAfter(last, from - 1n)
  let end = begin
  while (end < first.length && first[end]! <= to + 1n) end++
  const newFirst = begin < end && first[begin]! < from ? first[begin]! : from
  const newLast = begin < end && last[end - 1]! > to ? last[end - 1]! : to
  first.splice(begin, end - begin, newFirst)
  last.splice(begin, end - begin, newLast)
}

function cutOut(first: bigint, last: bigint, holes: Intervals | undefined, emit: (a: bigint, b: bigint) => void): void {
  let from = first
  const count = holes === undefined ? 0 : holes.first.length
  for (let i = holes === undefined ? 0 : firstEndingAtOrAfter(holes.last, first); i < count; i++) {
    if (holes!.first[i]! > last) break
    if (holes!.first[i]! > from) emit(from, holes!.first[i]! - 1n)
    from = holes!.last[i]! + 1n
  }
  if (from <= last) emit(from, last)
}

function parseSource(set: MysqlGtidSet, entry: string, whole: string): void {
  const [uuid, ...parts] = entry.split(':').map((part) => part.trim())
  if (!UUID.test(uuid!)) throw invalidGtid(whole, `"${uuid}" is not a valid server UUID`)
  const plain = uuid!.replaceAll('-', '')
  const dashed = `${plain.slice(0, 8)}-${plain.slice(8, 12)}-${plain.slice(12, 16)}-${plain.slice(16, 20)}-${plain.slice(20)}`
  let source = dashed
  for (const part of parts) {
    if (TAG.test(part)) {
      source = `${dashed}:${part}`
      continue
    }
    const numbers = NUMBERS.exec(part)
    if (numbers === null) throw invalidGtid(whole, `"${part}" is neither an interval such as 1-5 nor a tag`)
    const first = BigInt(numbers[1]!)
    const last = numbers[2] === undefined ? first : BigInt(numbers[2])
    if (first < 1n || last > LAST_NUMBER) throw invalidGtid(whole, `"${part}" is out of range`)
    // The server itself reads 5-3 as nothing.
    if (first <= last) set.addInterval(source, first, last)
  }
}

function splitGtid(gtid: string): { source: string; number: bigint } {
  const colon = gtid.lastIndexOf(':')
  const digits = gtid.slice(colon + 1)
  if (colon < 36 || !/^[0-9]{1,19}$/.test(digits)) throw invalidGtid(gtid, 'not a single GTID')
  return { source: gtid.slice(0, colon), number: BigInt(digits) }
}
