import { crc32 } from 'node:zlib'
import { u32 } from './little-endian.ts'

/** Checksum algorithms of the FORMAT_DESCRIPTION event (enum_binlog_checksum_alg). */
export const ChecksumAlgorithm = { OFF: 0, CRC32: 1 } as const
/** Bytes at the end of every event where checksums are on. */
export const CHECKSUM_BYTES = 4

/**
 * Below this size a table-driven loop is faster than zlib, whose price is a call into native code and a view
 * (measured with Node 24: 93 against 187 ns for 100 bytes, 319 against 278 for 400, 6,400 against 1,800 for 8,000).
 */
const NATIVE_FROM_BYTES = 320

/** Eight tables: entry `i` of table `k` is the CRC of byte `i` followed by `k` zero bytes. */
const TABLES: readonly Int32Array[] = makeTables()
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
]

/** CRC-32 (IEEE 802.3) of `bytes[start, end)`, unsigned. */
export function checksumOf(bytes: Uint8Array, start: number, end: number): number {
  return end - start >= NATIVE_FROM_BYTES ? crc32(bytes.subarray(start, end)) : smallChecksum(bytes, start, end)
}

/** Whether the last four bytes of `bytes[start, end)` are the checksum of those before. */
export function checksumMatches(bytes: Uint8Array, start: number, end: number): boolean {
  const bodyEnd = end - CHECKSUM_BYTES
  return checksumOf(bytes, start, bodyEnd) === u32(bytes, bodyEnd)
}

function smallChecksum(bytes: Uint8Array, start: number, end: number): number {
  let crc = -1
  let at = start
  for (const last = end - 7; at < last; at += 8) {
    const x = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    crc =
      T7[x & 255]! ^
      T6[(x >>> 8) & 255]! ^
      T5[(x >>> 16) & 255]! ^
      T4[x >>> 24]! ^
      T3[bytes[at + 4]!]! ^
      T2[bytes[at + 5]!]! ^
      T1[bytes[at + 6]!]! ^
      T0[bytes[at + 7]!]!
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 255]!
  return ~crc >>> 0
}

function makeTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256))
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    tables[0]![i] = crc
  }
  for (let k = 1; k < 8; k++) {
    for (let i = 0; i < 256; i++) {
      const before = tables[k - 1]![i]!
      tables[k]![i] = (before >>> 8) ^ tables[0]![before & 255]!
    }
  }
  return tables
}
