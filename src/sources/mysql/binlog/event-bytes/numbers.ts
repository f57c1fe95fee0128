import { decimalLayout, type DecimalGroup } from '../columns/decimal.ts'

/** The characters of 00 to 99, two to an entry, as they lie in memory. */
export const PAIRS: Uint16Array = Uint16Array.from({ length: 100 }, (_, i) => {
  const tens = Math.floor(i / 10)
  return 48 + tens + ((48 + (i - 10 * tens)) << 8)
})

const EIGHT_DIGITS = 100_000_000

/** Digits of an integer from 0 to 99,999,999. */
function smallInteger(out: DataView, to: number, value: number): number {
  if (value < 10) {
    out.setUint8(to, 48 + value)
    return to + 1
  }
  if (value < 100) {
    out.setUint16(to, PAIRS[value]!, true)
    return to + 2
  }
  const digits = value < 10_000 ? (value < 1_000 ? 3 : 4) : value < 1_000_000 ? (value < 100_000 ? 5 : 6) : 7
  const end = to + (value < 10_000_000 ? digits : 8)
  let at = end
  let rest = value
  while (rest >= 100) {
    const above = (rest / 100) | 0
    at -= 2
    out.setUint16(at, PAIRS[rest - above * 100]!, true)
    rest = above
  }
  if (rest >= 10) out.setUint16(to, PAIRS[rest]!, true)
  else out.setUint8(to, 48 + rest)
  return end
}

/** `digits` digits of an integer below 10^9, leading zeros included. */
function fixedInteger(out: DataView, to: number, value: number, digits: number): number {
  let rest = value
  let at = to + digits
  while (at - to >= 2) {
    const above = (rest / 100) | 0
    at -= 2
    out.setUint16(at, PAIRS[rest - above * 100]!, true)
    rest = above
  }
  if (at > to) out.setUint8(to, 48 + (rest % 10))
  return to + digits
}

/** An integer that a number holds exactly. Answers where it ends, as all writers here do. */
export function writeInteger(out: DataView, to: number, value: number): number {
  if (value < 0) {
    out.setUint8(to, 45)
    return writeInteger(out, to + 1, -value)
  }
  if (value < EIGHT_DIGITS) return smallInteger(out, to, value)
  const above = Math.floor(value / EIGHT_DIGITS)
  return fixedInteger(out, writeInteger(out, to, above), value - above * EIGHT_DIGITS, 8)
}

/** Decimal places that are tried before the engine is asked: most DOUBLEs of applications have no more. */
const TRIED = [10, 100, 1_000, 10_000, 1_000_000] as const
/** Decimals of up to fifteen digits that give the same double are the shortest that do. */
const SURE = 1e15

/** A DOUBLE or FLOAT as JSON has it: the shortest decimals that give the number again, -0 as 0. */
export function writeDouble(out: DataView, to: number, value: number): number {
  const size = Math.abs(value)
  if (Number.isSafeInteger(value)) return writeInteger(out, to, value)
  if (size >= 1e-3 && size < 1e9) {
    for (const scale of TRIED) {
      const scaled = Math.round(size * scale)
      if (scaled < SURE && scaled / scale === size) return writeScaled(out, to, value < 0, scaled, scale)
    }
  }
  const text = Number.isFinite(value) ? `${value}` : 'null'
  for (let i = 0; i < text.length; i++) out.setUint8(to + i, text.charCodeAt(i))
  return to + text.length
}

/** `scaled / scale`, which is no integer, without trailing zeros. */
function writeScaled(out: DataView, to: number, negative: boolean, scaled: number, scale: number): number {
  let at = to
  if (negative) out.setUint8(at++, 45)
  const whole = Math.floor(scaled / scale)
  at = writeInteger(out, at, whole)
  out.setUint8(at++, 46)
  let digits = 0
  for (let power = scale; power > 1; power /= 10) digits += 1
  let end = fixedInteger(out, at, scaled - whole * scale, digits)
  while (out.getUint8(end - 1) === 48) end -= 1
  return end
}

export interface DecimalWriter {
  readonly integer: readonly DecimalGroup[]
  readonly fraction: readonly DecimalGroup[]
}

export function decimalWriter(precision: number, scale: number): DecimalWriter {
  return decimalLayout(precision, scale)
}

/** A DECIMAL in quotes, as columns/decimal.ts has it: all digits of the scale, no leading zeros. */
export function writeDecimal(
  out: DataView,
  to: number,
  bytes: Uint8Array,
  start: number,
  { integer, fraction }: DecimalWriter,
): number {
  const mask = bytes[start]! & 128 ? 0 : -1
  let at = to
  out.setUint8(at++, 34)
  if (mask !== 0) out.setUint8(at++, 45)
  const first = at
  for (let i = 0; i < integer.length; i++) {
    const group = integer[i]!
    const value = groupValue(bytes, start, group, mask)
    if (at > first) at = fixedInteger(out, at, value, group.digits)
    else if (value > 0) at = writeInteger(out, at, value)
  }
  if (at === first) out.setUint8(at++, 48)
  if (fraction.length > 0) {
    out.setUint8(at++, 46)
    for (let i = 0; i < fraction.length; i++) {
      const group = fraction[i]!
      at = fixedInteger(out, at, groupValue(bytes, start, group, mask), group.digits)
    }
  }
  out.setUint8(at++, 34)
  return at
}

/** The bits of a negative number are flipped, and the first bit of all is the flipped sign. */
function groupValue(bytes: Uint8Array, start: number, { offset, bytes: width }: DecimalGroup, mask: number): number {
  let value = offset === 0 ? bytes[start]! ^ 128 : bytes[start + offset]!
  for (let i = 1; i < width; i++) value = (value << 8) | bytes[start + offset + i]!
  return (value ^ mask) & (width === 4 ? -1 : (1 << (8 * width)) - 1)
}
