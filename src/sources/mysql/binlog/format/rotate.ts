import { corrupt } from './corrupt-event.ts'
import { u64AsDouble } from './little-endian.ts'

/** Longest file name that a server writes (FN_REFLEN). */
const FILE_NAME_BYTES = 512

/** Where reading goes on: the first event of the next file, or the place at which a dump starts. */
export interface Rotation {
  readonly file: string
  readonly offset: number
}

/** Body of a ROTATE event: offset u64 | file name up to the end. */
export function readRotate(buffer: Buffer, start: number, end: number): Rotation {
  if (end - start < 9 || end - start > 8 + FILE_NAME_BYTES) throw corrupt(`a body of ${end - start} bytes`)
  const file = buffer.toString('utf8', start + 8, end)
  // oxlint-disable-next-line no-control-regex -- a name with control characters is a sign of a checksum taken for text
  if (/[\u0000-\u001f]/.test(file)) throw corrupt('control characters in the file name')
  return { file, offset: u64AsDouble(buffer, start) }
}

/**
 * Where the sender stands, from a heartbeat. Version 1 gives only the file name (the offset is in the header, modulo
 * 2^32); version 2 is a list of fields (type u8, length, value): 1 file name, 2 offset.
 */
export function readHeartbeatV2(buffer: Buffer, start: number, end: number): Rotation | null {
  let file: string | null = null
  let offset: number | null = null
  for (let at = start; at + 2 <= end;) {
    const type = buffer[at]!
    const length = buffer[at + 1]!
    const value = at + 2
    if (type === 0) break
    if (length > 0xfa || value + length > end) throw corrupt(`a field of ${length} bytes`)
    if (type === 1) file = buffer.toString('utf8', value, value + length)
    else if (type === 2) offset = packedInteger(buffer, value, length)
    at = value + length
  }
  return file === null || offset === null ? null : { file, offset }
}

/** The value is itself a length-encoded integer. */
function packedInteger(buffer: Buffer, at: number, length: number): number {
  const first = buffer[at]!
  if (length === 1 && first < 0xfb) return first
  const width = length - 1
  if (!(first === 0xfc && width === 2) && !(first === 0xfd && width === 3) && !(first === 0xfe && width === 8)) {
    throw corrupt('an offset that is not a length-encoded integer')
  }
  let value = 0
  for (let i = width; i > 0; i--) value = value * 256 + buffer[at + i]!
  return value
}
