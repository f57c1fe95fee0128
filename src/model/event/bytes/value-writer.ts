import { stringifyValue } from '../forms/event-json.ts'
import type { ByteArena } from './byte-arena.ts'
import { writeDouble } from './numbers.ts'
import { ESCAPES, writeEscape } from './text.ts'

/** Longer texts are faster by way of the engine, which looks at several characters at a time. */
const SHORT_TEXT = 128
/** What one UTF-16 unit becomes at most: `\u0000`. */
const ESCAPED_BYTES = 6
const NUMBER_BYTES = 26
const UTF8_BYTES_OF_A_UNIT = 3
/** Room for texts up to this length is guessed by their length, for longer ones counted. */
const GUESSED_TEXT = 1_024

/**
 * Writes a value as `stringifyValue` does, and leaves `room` bytes free behind it. Answers where it ends; the arena may
 * have moved what was written of its piece to another buffer.
 */
export function writeJson(into: ByteArena, to: number, value: unknown, room: number): number {
  if (typeof value === 'number') {
    const at = into.reserve(to, NUMBER_BYTES + room)
    return writeDouble(into.view, at, value)
  }
  if (typeof value === 'string' && value.length <= SHORT_TEXT) {
    const at = into.reserve(to, ESCAPED_BYTES * value.length + 2 + room)
    const end = writeAscii(into.view, at, value)
    return end < 0 ? at + into.buffer.write(stringifyValue(value), at) : end
  }
  const text = stringifyValue(value)
  const bytes = text.length > GUESSED_TEXT ? Buffer.byteLength(text) : text.length * UTF8_BYTES_OF_A_UNIT
  const at = into.reserve(to, bytes + room)
  return at + into.buffer.write(text, at)
}

/** In quotes; -1 for a text that is not ASCII. */
function writeAscii(out: DataView, to: number, text: string): number {
  let at = to
  out.setUint8(at++, 34)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return -1
    const escape = ESCAPES[code]!
    if (escape === 1) out.setUint8(at++, code)
    else at = writeEscape(out, at, code, escape)
  }
  out.setUint8(at, 34)
  return at + 1
}
