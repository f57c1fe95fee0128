import { u16, u32 } from './little-endian.ts'

/**
 * The common header of binlog version 4, read in place (MySQL manual, "Binary Log Event Header"):
 * timestamp u32 | type u8 | server id u32 | event size u32 | end position u32 | flags u16.
 */
export const HEADER_BYTES = 19

export const EventFlag = {
  /** In a FORMAT_DESCRIPTION event: the file was not closed. Not covered by the checksum. */
  IN_USE: 0x1,
  /** Made up by the server for the connection; does not lie in the file. */
  ARTIFICIAL: 0x20,
  /** A reader that does not know the type may pass over the event. */
  IGNORABLE: 0x80,
} as const

/** Seconds since 1970. */
export function timestampOf(bytes: Uint8Array, start: number): number {
  return u32(bytes, start)
}

export function serverIdOf(bytes: Uint8Array, start: number): number {
  return u32(bytes, start + 5)
}

/** Bytes of the whole event, header and checksum included. */
export function sizeOf(bytes: Uint8Array, start: number): number {
  return u32(bytes, start + 9)
}

/** Where the next event begins in the file, modulo 2^32; 0 where the server does not say. */
export function endPositionOf(bytes: Uint8Array, start: number): number {
  return u32(bytes, start + 13)
}

export function flagsOf(bytes: Uint8Array, start: number): number {
  return u16(bytes, start + 17)
}
