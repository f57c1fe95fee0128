/** Behind a backslash for the control characters and the two that JSON escapes; 0: `\u00XX`; 1: as it is. */
export const ESCAPES: Uint8Array = Uint8Array.from({ length: 128 }, (_, code) => {
  const short = JSON.stringify(String.fromCharCode(code))
  if (short.length === 3) return 1
  return short[2] === 'u' ? 0 : short.charCodeAt(2)
})
/**
 * The top bit of each byte says that it is below a space, a quote, a backslash, or not ASCII. Where a byte is so, the one
 * above it may be said to be so as well, never the other way round.
 */
function odd(four: number): number {
  return (
    ((four - 0x2020_2020) | ((four ^ 0x2222_2222) - 0x0101_0101) | ((four ^ 0x5c5c_5c5c) - 0x0101_0101) | four) &
    0x8080_8080
  )
}

const HEX = '0123456789abcdef'

/**
 * UTF-8 text in quotes, as JSON: ASCII four bytes at a time after one look for what has to be escaped. Answers where it
 * ends, or -1 for bytes that are not UTF-8 (or, where `asciiOnly`, not ASCII): those are left to the decoder, which knows
 * what stands for them. `source` and `out` are views of `bytes` and of the buffer that is written to.
 */
export function writeText(
  out: DataView,
  to: number,
  bytes: Uint8Array,
  source: DataView,
  start: number,
  end: number,
  asciiOnly: boolean,
): number {
  let from = start
  let at = to + 1
  out.setUint8(to, 34)
  for (;;) {
    while (end - from >= 8) {
      const first = source.getInt32(from, true)
      const second = source.getInt32(from + 4, true)
      if ((odd(first) | odd(second)) !== 0) break
      out.setInt32(at, first, true)
      out.setInt32(at + 4, second, true)
      from += 8
      at += 8
    }
    // The last bytes, and some behind them that are written over again.
    for (let left = end - from; left > 0; left = end - from) {
      if (from + 4 > source.byteLength) break
      const four = source.getInt32(from, true)
      if ((odd(four) & (left < 4 ? (1 << (8 * left)) - 1 : -1)) !== 0) break
      out.setInt32(at, four, true)
      from += left < 4 ? left : 4
      at += left < 4 ? left : 4
    }
    if (from >= end) break
    const code = bytes[from]!
    if (code >= 0x80) {
      const length = asciiOnly ? 0 : characterLength(bytes, from, end)
      if (length === 0) return -1
      for (let i = 0; i < length; i++) out.setUint8(at + i, bytes[from + i]!)
      from += length
      at += length
      continue
    }
    from += 1
    const escape = ESCAPES[code]!
    if (escape === 1) out.setUint8(at++, code)
    else at = writeEscape(out, at, code, escape)
  }
  out.setUint8(at, 34)
  return at + 1
}

export function writeEscape(out: DataView, at: number, code: number, escape: number): number {
  out.setUint8(at, 92)
  if (escape !== 0) {
    out.setUint8(at + 1, escape)
    return at + 2
  }
  out.setUint8(at + 1, 117)
  out.setUint16(at + 2, 0x30_30, true)
  out.setUint8(at + 4, HEX.charCodeAt(code >> 4))
  out.setUint8(at + 5, HEX.charCodeAt(code & 15))
  return at + 6
}

/** Bytes of the character that begins with this one, which is not ASCII; 0 where none does (RFC 3629, section 4). */
function characterLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (end - at < length) return 0
  const second = bytes[at + 1]!
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0
  return length
}

/**
 * Whether texts of different bytes are surely different ones. The same character can only stand for different bytes where
 * they are not of the character set; bytes that differ first in ASCII are.
 */
export function differInAscii(
  bytes: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  const length = Math.min(end - start, otherEnd - otherStart)
  for (let i = 0; i < length; i++) {
    const one = bytes[start + i]!
    const other = bytes[otherStart + i]!
    if (one !== other) return (one | other) < 0x80
  }
  const next = end - start > length ? bytes[start + length] : bytes[otherStart + length]
  return next === undefined || next < 0x80
}

/** How many of the bytes have to be escaped. */
export function escapesIn(bytes: Uint8Array, source: DataView, start: number, end: number): number {
  let count = 0
  let at = start
  while (at < end) {
    if (end - at >= 4 && odd(source.getInt32(at, true)) === 0) {
      at += 4
      continue
    }
    const code = bytes[at++]!
    if (code < 0x80 && ESCAPES[code] !== 1) count += 1
  }
  return count
}
