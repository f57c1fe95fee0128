import { corrupt } from '../format/corrupt-event.ts'

/** Bytes of a length of up to 32 bits. */
const MAX_BYTES = 5

/** A length in groups of seven bits, lowest first; the top bit says that more follow. `next` is the byte behind it. */
export function readVarint(bytes: Uint8Array, at: number, end: number): { value: number; next: number } {
  let value = 0
  for (let i = 0; i < MAX_BYTES && at + i < end; i++) {
    const byte = bytes[at + i]!
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return { value, next: at + i + 1 }
  }
  throw corrupt('JSON length past its end')
}
