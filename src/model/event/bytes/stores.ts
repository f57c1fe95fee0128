import type { ByteArena } from './byte-arena.ts'

/*
 * Text that is known when code is made, or was written before, is copied eight bytes at a time as a number. The bits of
 * a number that is none (NaN) may be changed on the way, but UTF-8 has no such bytes: it has no 255, and no 127 behind
 * one above 239. Up to seven bytes behind
 * the end are written as well, and written over by what follows.
 */

/** Source that writes the text at `w` of the view `v`, and moves `w` behind it. */
export function storeCode(text: string): string {
  const length = Buffer.byteLength(text)
  const bytes = Buffer.alloc(length + 7)
  bytes.write(text)
  const stores: string[] = []
  let at = 0
  for (; length - at > 4; at += 8) stores.push(`v.setFloat64(w+${at},${bytes.readDoubleLE(at)},true);`)
  if (length - at > 2) stores.push(`v.setInt32(w+${at},${bytes.readInt32LE(at)},true);`)
  else if (length - at === 2) stores.push(`v.setUint16(w+${at},${bytes.readUInt16LE(at)},true);`)
  else if (length - at === 1) stores.push(`v.setUint8(w+${at},${bytes[at]});`)
  return `${stores.join('')}w+=${length};`
}

/**
 * Copies a value of the same event, which begins `from` bytes behind the start of the event, and leaves `room` bytes free
 * behind it. Answers where it ends.
 */
export function copyValue(into: ByteArena, to: number, from: number, length: number, room: number): number {
  const at = into.reserve(to, length + room)
  const { view } = into
  const source = into.at + from
  for (let i = 0; i < length; i += 8) view.setFloat64(at + i, view.getFloat64(source + i, true), true)
  return at + length
}

/** A value that was written as JSON from `from` behind the start of the event, as part of a text. Answers where it ends. */
export function withoutQuotes({ buffer, at }: ByteArena, from: number, to: number): number {
  const start = at + from
  if (buffer[start] !== 34) return to
  buffer.copyWithin(start, start + 1, to - 1)
  return to - 2
}

/** Copies text that was made ready by `eventHead`. */
export function writeWords(out: DataView, to: number, words: Float64Array): void {
  for (let i = 0; i < words.length; i++) out.setFloat64(to + 8 * i, words[i]!, true)
}
