import { Change, NO_TRANSACTION } from '../change.ts'
import type { Transaction } from '../change.ts'
import type { Operation, Row } from '../row.ts'
import { stringifyEvent } from '../forms/event-json.ts'
import type { TableDef } from '../../table/table.ts'
import { ByteArena } from './byte-arena.ts'
import { Utf8Bytes } from './content.ts'
import type { Content } from './content.ts'

/** How the event of a row is written: as BinGo's own, in the envelope of Debezium, or as the data of a CloudEvent. */
export type EventFormat = 'event' | 'debezium' | 'cloudevents'

/** What reads and writes the row images of one shape of rows (sources/mysql/binlog/event-bytes). */
export interface RowImages {
  /** Where the row ends that was written last. */
  readonly rowEnd: number
  /**
   * Writes the JSON of the event of the row at `start` behind `into.at`, the same bytes as `stringifyEvent`, and answers
   * where it ends. There is room for a few bytes more behind it.
   */
  write(
    buffer: Buffer,
    start: number,
    end: number,
    transaction: Transaction,
    seq: number,
    query: string | null,
    into: ByteArena,
  ): number
  /** The same images, of which `write` makes the event in another format; null: rows have to be decoded for that one. */
  as(format: EventFormat): Pick<RowImages, 'write'> | null
  /** Both rows with all their columns. */
  decode(buffer: Buffer, start: number, end: number): { readonly old: Row | null; readonly new: Row | null }
}

/** Where events are written that are not part of an arena, to be copied from there. */
const scratch = new ByteArena()

/**
 * A row change that has its row image at hand: `old` and `new` hold the columns that filters and keys read, and the whole
 * event is written from the image. The image lies in the source's buffer, and is there only while the row is matched:
 * what is to outlive that is kept by `writeEvent` or `settle`.
 */
export class ImageChange extends Change {
  readonly images: RowImages
  buffer: Buffer
  start: number
  end: number
  /** Whose buffer the image lies in; null: the source's, or one of its own. */
  private keptBy: ByteArena | null = null
  private isOwn = false
  private jobs = 0
  private decoded: Change | null = null

  constructor(
    table: TableDef,
    op: Operation,
    transaction: Transaction,
    seq: number,
    old: Row | null,
    new_: Row | null,
    query: string | null,
    images: RowImages,
    buffer: Buffer,
    start: number,
    end: number,
  ) {
    super(table, op, transaction, seq, old, new_, query)
    this.images = images
    this.buffer = buffer
    this.start = start
    this.end = end
  }

  /** Decoded when first asked for: most are sent and forgotten. */
  override get whole(): Change {
    this.decoded ??= this.decodeWhole()
    return this.decoded
  }

  protected decodeWhole(): Change {
    const { table, op, transaction, seq, query } = this
    const rows = this.images.decode(this.buffer, this.start, this.end)
    return new Change(table, op, transaction, seq, rows.old, rows.new, query)
  }

  /** The JSON of the event as `images` write it, with the image behind it where there is an arena. */
  writeEvent(images: Pick<RowImages, 'write'>, into: ByteArena | undefined): Utf8Bytes {
    if (into === undefined) {
      const end = this.write(images, scratch)
      const bytes = ownCopy(scratch.buffer, scratch.at, end)
      return new Utf8Bytes(bytes, 0, bytes.length)
    }
    const content = into.take(this.write(images, into))
    if (this.keptBy === null && !this.isOwn) this.keep(into)
    return content
  }

  protected write(images: Pick<RowImages, 'write'>, into: ByteArena): number {
    const { buffer, start, end, transaction, seq, query } = this
    return images.write(buffer, start, end, transaction, seq, query, into)
  }

  private keep(arena: ByteArena): void {
    const bytes = this.end - this.start
    const at = arena.reserve(arena.at, bytes)
    this.buffer.copy(arena.buffer, at, this.start, this.end)
    this.buffer = arena.buffer
    this.start = at
    this.end = at + bytes
    arena.at = this.end
    this.keptBy = arena
  }

  override taken(): void {
    this.jobs += 1
  }

  /**
   * The row was matched. Where several jobs live on they may end at very different times, so that the change must not keep
   * the arena of one of them.
   */
  settle(): void {
    if (this.jobs === 0 || this.isOwn || (this.keptBy !== null && this.jobs === 1)) return
    this.buffer = ownCopy(this.buffer, this.start, this.end)
    this.start = 0
    this.end = this.buffer.length
    this.keptBy = null
    this.isOwn = true
  }
}

const NO_BYTES = Buffer.alloc(0)

/**
 * The row that is looked at now, as an ImageChange: one object for all rows of a program, and nothing of it is kept.
 */
export class RowAtHand extends ImageChange {
  constructor(table: TableDef, op: Operation, images: RowImages) {
    super(table, op, NO_TRANSACTION, 0, null, null, null, images, NO_BYTES, 0, 0)
  }

  is(
    old: Row | null,
    new_: Row | null,
    seq: number,
    transaction: Transaction,
    query: string | null,
    buffer: Buffer,
    start: number,
    end: number,
  ): this {
    const row = this as { -readonly [K in keyof this]: this[K] }
    row.old = old
    row.new = new_
    row.seq = seq
    row.transaction = transaction
    row.query = query
    row.buffer = buffer
    row.start = start
    row.end = end
    return this
  }

  override get whole(): Change {
    return this.decodeWhole()
  }

  override writeEvent(images: Pick<RowImages, 'write'>, into: ByteArena | undefined): Utf8Bytes {
    return into === undefined ? super.writeEvent(images, into) : into.take(this.write(images, into))
  }
}

function ownCopy(buffer: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start)
  buffer.copy(copy, 0, start, end)
  return copy
}

/** The event as JSON: bytes where its row image is at hand. */
export function eventContent(change: Change, into?: ByteArena): Content {
  return change instanceof ImageChange ? change.writeEvent(change.images, into) : stringifyEvent(change)
}

/** The same in another format, which `stringify` writes of a change that has all its columns. */
export function formattedContent(
  format: EventFormat,
  stringify: (change: Change) => string,
): (change: Change, into?: ByteArena) => Content {
  return (change, into) => {
    const images = change instanceof ImageChange ? change.images.as(format) : null
    return images === null ? stringify(change.whole) : (change as ImageChange).writeEvent(images, into)
  }
}
