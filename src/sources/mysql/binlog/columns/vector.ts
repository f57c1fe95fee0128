import { shortestFloat } from './floats.ts'

/** VECTOR as numbers: float32, little-endian, each with the fewest digits that tell it apart. */
export function readVector(bytes: Buffer, start: number, end: number): number[] {
  const numbers: number[] = []
  for (let at = start; at + 4 <= end; at += 4) numbers.push(shortestFloat(bytes.readFloatLE(at)))
  return numbers
}
