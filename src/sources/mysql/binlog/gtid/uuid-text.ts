import { u32 } from '../format/little-endian.ts'

export const UUID_BYTES = 16

/** 32 hexadecimal digits as MySQL prints a UUID. */
export function uuidFromHex(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The last UUID read: nearly every transaction comes from the same server, and text costs more than a comparison. */
const last = { a: 0, b: 0, c: 0, d: 0, text: uuidFromHex('0'.repeat(32)) }

/** Sixteen bytes as text. */
export function uuidText(buffer: Buffer, at: number): string {
  const a = u32(buffer, at)
  const b = u32(buffer, at + 4)
  const c = u32(buffer, at + 8)
  const d = u32(buffer, at + 12)
  if (last.a !== a || last.b !== b || last.c !== c || last.d !== d) {
    Object.assign(last, { a, b, c, d, text: uuidFromHex(buffer.toString('hex', at, at + UUID_BYTES)) })
  }
  return last.text
}
