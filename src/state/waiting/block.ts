import type { StoredRecord, WaitingRecord, WaitingSeq, WaitingShape } from '../../model/delivery/waiting.ts'
import { list } from '../../model/json/shape.ts'
import { IdSpans, type IdSpan } from './id-span.ts'
import { readHead, readRest, restText } from './texts.ts'

/** Records of a block at most, and characters of their events, of which there is one at least. */
export const MOST_RECORDS = 128
const MOST_LENGTH = 64 << 10

/** What is kept of a record beside its event, as one list for all records: an array of arrays takes longer. */
const HEAD = 7
const [ID, SHAPE, ROW_KEY, BASE_MS, BYTES, LENGTH, REST] = [0, 1, 2, 3, 4, 5, 6]
type HeadValue = string | number | null
const NO_REST: Pick<StoredRecord, 'stage' | 'attempts'> = { attempts: [] }

/** Records of one line that follow each other, as they are written. */
export interface NewBlock {
  readonly count: number
  readonly bytes: number
  readonly spans: ReadonlyMap<string, IdSpan>
  readonly heads: string
  readonly events: string
}

/** Makes blocks of records of one line, in their order. */
export function blocksOf(records: readonly WaitingRecord[], shapeId: (shape: WaitingShape) => number): NewBlock[] {
  const blocks: NewBlock[] = []
  for (let first = 0; first < records.length;) {
    const block = blockFrom(records, first, shapeId)
    blocks.push(block)
    first += block.count
  }
  return blocks
}

function blockFrom(
  records: readonly WaitingRecord[],
  first: number,
  shapeId: (shape: WaitingShape) => number,
): NewBlock {
  const spans = new IdSpans()
  const heads: HeadValue[] = []
  const end = Math.min(records.length, first + MOST_RECORDS)
  let events = ''
  let next = first
  while (next < end && events.length < MOST_LENGTH) {
    const record = records[next++]!
    const { id, shape, rowKey, baseMs, event } = record
    const { length } = event
    heads.push(id, shapeId(shape), rowKey, baseMs, length, length, restText(record))
    spans.add(id, shape)
    events += event
  }
  const bytes = Buffer.byteLength(events)
  // Mostly each character is a byte: nobody has to look at the events one by one.
  if (bytes > events.length) {
    for (let i = first, at = BYTES; i < next; i++, at += HEAD) heads[at] = Buffer.byteLength(records[i]!.event)
  }
  return { count: next - first, bytes, spans: spans.byName, heads: JSON.stringify(heads), events }
}

/** What a block that is stored has of its records, beside their events. */
export class BlockHeads {
  private readonly first: WaitingSeq
  private readonly count: number
  private readonly values: readonly HeadValue[]
  private byId: ReadonlyMap<string, number> | null = null

  constructor(first: WaitingSeq, text: string, place: string) {
    this.first = first
    this.values = readHead(text, list, place)
    this.count = this.values.length / HEAD
  }

  /** Places in the block. */
  indexOf(id: string): number {
    this.byId ??= new Map(Array.from({ length: this.count }, (_, i) => [this.values[i * HEAD + ID] as string, i]))
    return this.byId.get(id) ?? -1
  }

  bytesAt(index: number): number {
    return this.values[index * HEAD + BYTES] as number
  }

  /** All records, with `events` as they are written. */
  records(events: string, line: string, shapes: ReadonlyMap<unknown, WaitingShape>, place: string): StoredRecord[] {
    const { values, count } = this
    const records: StoredRecord[] = []
    let from = 0
    for (let i = 0, at = 0; i < count; i++, at += HEAD) {
      const to = from + (values[at + LENGTH] as number)
      const rest = values[at + REST] as string | null
      const { stage, attempts } = rest === null ? NO_REST : readRest(rest, place)
      records.push({
        seq: this.first + i,
        id: values[at + ID] as string,
        line,
        shape: shapes.get(values[at + SHAPE])!,
        rowKey: values[at + ROW_KEY] as string,
        baseMs: values[at + BASE_MS] as number,
        bytes: values[at + BYTES] as number,
        event: events.slice(from, to),
        stage,
        attempts,
      })
      from = to
    }
    return records
  }

  hasAny(ids: ReadonlySet<string>): boolean {
    for (let at = ID; at < this.values.length; at += HEAD) if (ids.has(this.values[at] as string)) return true
    return false
  }

  /** Of the row that a record is by itself. */
  columnsOf(index: number, events: string) {
    const { values } = this
    const at = index * HEAD
    let from = 0
    for (let before = LENGTH; before < at; before += HEAD) from += values[before] as number
    return {
      id: values[at + ID] as string,
      shape: values[at + SHAPE] as number,
      rowKey: values[at + ROW_KEY] as string,
      baseMs: values[at + BASE_MS] as number,
      bytes: values[at + BYTES] as number,
      event: events.slice(from, from + (values[at + LENGTH] as number)),
      rest: values[at + REST] as string | null,
    }
  }
}

/** Which records of a block have left, while others are there still: a bit each. */
export class GonePlaces {
  readonly bits = new Uint8Array(MOST_RECORDS / 8)
  count = 0

  constructor(bits: Uint8Array | null) {
    if (bits === null) return
    this.bits.set(bits)
    for (let i = 0; i < MOST_RECORDS; i++) if (this.has(i)) this.count += 1
  }

  has(index: number): boolean {
    return (this.bits[index >> 3]! & (1 << (index & 7))) !== 0
  }

  /** False: it had left already. */
  add(index: number): boolean {
    if (this.has(index)) return false
    this.bits[index >> 3]! |= 1 << (index & 7)
    this.count += 1
    return true
  }
}
