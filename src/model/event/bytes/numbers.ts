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
export function writeFixed(out: DataView, to: number, value: number, digits: number): number {
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
  return writeFixed(out, writeInteger(out, to, above), value - above * EIGHT_DIGITS, 8)
}

/** Decimal places that are looked for before the engine is asked: most DOUBLEs of applications have no more. */
const PLACES = 6
const SCALE = 1e6
/** Decimals of up to fifteen digits that give the same double are the shortest that do. */
const SURE = 1e15

/** A DOUBLE or FLOAT as JSON has it: the shortest decimals that give the number again, -0 as 0. */
export function writeDouble(out: DataView, to: number, value: number): number {
  const size = Math.abs(value)
  if (Number.isSafeInteger(value)) return writeInteger(out, to, value)
  if (size >= 1e-3 && size < 1e9) {
    const scaled = Math.round(size * SCALE)
    if (scaled < SURE && scaled / SCALE === size) return writeScaled(out, to, value < 0, scaled)
  }
  const text = Number.isFinite(value) ? `${value}` : 'null'
  for (let i = 0; i < text.length; i++) out.setUint8(to + i, text.charCodeAt(i))
  return to + text.length
}

/** `scaled / SCALE`, which is no integer, without trailing zeros. */
function writeScaled(out: DataView, to: number, negative: boolean, scaled: number): number {
  let at = to
  if (negative) out.setUint8(at++, 45)
  const whole = Math.floor(scaled / SCALE)
  at = writeInteger(out, at, whole)
  out.setUint8(at++, 46)
  let end = writeFixed(out, at, scaled - whole * SCALE, PLACES)
  while (out.getUint8(end - 1) === 48) end -= 1
  return end
}
