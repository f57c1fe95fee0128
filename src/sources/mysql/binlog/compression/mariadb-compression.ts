import { inflateSync } from 'node:zlib'
import { MOST_EVENT_BYTES } from '../../../../model/event/forms/event-size.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { rowsBodyAt } from '../rows/rows-event.ts'
import type { RowsKind } from '../rows/rows-event.ts'

/** What a compressed block's first byte means: a 1 in the top bit, the algorithm, and the bytes of the size. */
const MARK = 0x80
const ALGORITHM_ZLIB = 0
/** Deflate cannot do better than 1032 to 1: a size beyond that is a lie. */
const BEST_RATIO = 1032

/** Size of what a compressed block at `at` holds (binlog_get_uncompress_len in sql/log_event.cc). */
export function uncompressedSize(buffer: Buffer, at: number, end: number): number {
  const head = at < end ? buffer[at]! : 0
  const width = head & 0x07
  if ((head & MARK) === 0 || (head & 0x70) >> 4 !== ALGORITHM_ZLIB || width < 1 || width > 4 || at + 1 + width > end) {
    throw corrupt('an unknown compression')
  }
  const size = buffer.readUIntBE(at + 1, width)
  if (size > (end - at) * BEST_RATIO + 1024 || size > MOST_EVENT_BYTES)
    throw corrupt(`${size} bytes compressed into ${end - at}`)
  return size
}

/** Block: mark, algorithm and width of the size u8 | size, big-endian | zlib stream. */
export function uncompressed(buffer: Buffer, at: number, end: number): Buffer {
  const size = uncompressedSize(buffer, at, end)
  const data = buffer.subarray(at + 1 + (buffer[at]! & 0x07), end)
  const plain = inflate(data, size)
  if (plain.length !== size) throw corrupt(`${plain.length} bytes where ${size} were compressed`)
  return plain
}

function inflate(data: Buffer, size: number): Buffer {
  try {
    return inflateSync(data, { maxOutputLength: size + 1 })
  } catch (error) {
    throw corrupt(`compressed bytes that zlib refuses (${(error as Error).message})`)
  }
}

/** Bytes that the body of a compressed rows event has when it is uncompressed; cheap, for blocks that nobody wants. */
export function uncompressedRowsBytes(kind: RowsKind, buffer: Buffer, start: number, end: number): number {
  const at = columnBitmapsEnd(kind, buffer, start, end)
  return at - start + uncompressedSize(buffer, at, end)
}

/** The body of a compressed rows event as its plain sibling would have it: only the row images are compressed. */
export function uncompressedRows(kind: RowsKind, buffer: Buffer, start: number, end: number): Buffer {
  const at = columnBitmapsEnd(kind, buffer, start, end)
  return Buffer.concat([buffer.subarray(start, at), uncompressed(buffer, at, end)])
}

function columnBitmapsEnd(kind: RowsKind, buffer: Buffer, start: number, end: number): number {
  const at = rowsBodyAt(kind, buffer, start, end)
  const first = at < end ? buffer[at]! : 0xff
  const wide = first === 0xfc && at + 3 <= end
  if (first >= 0xfb && !wide) throw corrupt('a number of columns that is out of range')
  const width = wide ? buffer.readUInt16LE(at + 1) : first
  const bitmaps = kind.op === 'update' ? 2 : 1
  const bitmapsEnd = at + (wide ? 3 : 1) + bitmaps * ((width + 7) >> 3)
  if (bitmapsEnd > end) throw corrupt('no room for the column bitmaps')
  return bitmapsEnd
}
