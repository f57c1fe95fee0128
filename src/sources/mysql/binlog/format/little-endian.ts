/**
 * Unsigned little-endian integers read in place. No bounds checks: callers have compared the offset with the event's
 * end already. Small enough for V8 to inline, which Buffer's own readers with their argument checks are not always.
 */
export function u16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8)
}

export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

export function u48(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + u16(bytes, at + 4) * 0x1_0000_0000
}

/** Seven bytes, as commit timestamps are stored; exact below 2^53, which microseconds stay under until the year 2255. */
export function u56(bytes: Uint8Array, at: number): number {
  return u48(bytes, at) + bytes[at + 6]! * 0x1_0000_0000_0000
}

/** A number while that is exact, else a bigint. */
export function u64(bytes: Uint8Array, at: number): number | bigint {
  const high = u32(bytes, at + 4)
  const low = u32(bytes, at)
  return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low)
}

/** Eight bytes as a number; loses the low bits beyond 2^53. For sizes and offsets, which are compared with bounds. */
export function u64AsDouble(bytes: Uint8Array, at: number): number {
  return u32(bytes, at + 4) * 0x1_0000_0000 + u32(bytes, at)
}
