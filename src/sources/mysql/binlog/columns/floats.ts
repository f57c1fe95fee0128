import { type ColumnCodec, fixedColumn } from './codec.ts'

/** So many digits survive the way into a float and back; below the smallest normal one there is no such promise. */
const SURE_DIGITS = 6
const SMALLEST_NORMAL = 2 ** -126

const scratch = new ArrayBuffer(8)
const scratchBytes = new Uint8Array(scratch)
const scratchView = new DataView(scratch)

/** IEEE 754, little-endian. Reads through a scratch area, which takes bytes past the end as zero instead of throwing. */
export const doubleColumn: ColumnCodec = fixedColumn(8, readDouble)
export const floatColumn: ColumnCodec = fixedColumn(4, readFloat)

export function readDouble(bytes: Uint8Array, start: number): number {
  for (let i = 0; i < 8; i++) scratchBytes[i] = bytes[start + i]!
  return scratchView.getFloat64(0, true)
}

function readFloat(bytes: Uint8Array, start: number): number {
  for (let i = 0; i < 4; i++) scratchBytes[i] = bytes[start + i]!
  return shortestFloat(scratchView.getFloat32(0, true))
}

/**
 * The number with the fewest decimal digits that is the same float32: 1.1 instead of 1.10000002384185791015625.
 * (The server's text protocol prints six digits, which is not always enough to tell two floats apart.)
 */
export function shortestFloat(value: number): number {
  if (Number.isInteger(value) && Math.abs(value) <= 0x100_0000) return value
  for (let digits = Math.abs(value) < SMALLEST_NORMAL ? 1 : SURE_DIGITS; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}
