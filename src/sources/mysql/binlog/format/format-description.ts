import type { Flavour } from '../../../../model/table/table.ts'
import { CHECKSUM_BYTES, ChecksumAlgorithm, checksumMatches } from './checksum.ts'
import { corrupt } from './corrupt-event.ts'
import { EventCursor } from './event-cursor.ts'
import { EventFlag, flagsOf, HEADER_BYTES, timestampOf } from './header.ts'

/** What the first event of a binlog file says about all others in it. */
export interface FormatDescription {
  readonly serverVersion: string
  readonly flavour: Flavour
  /** Creation of the file, seconds since 1970. */
  readonly created: number
  /** Every other event ends with a CRC-32. */
  readonly checksums: boolean
  /** Bytes of the fixed part behind the header, by event type (index type - 1). */
  readonly postHeaderBytes: Uint8Array
}

const SERVER_VERSION_BYTES = 50
/** First versions that write a checksum algorithm behind the post-header lengths. */
const CHECKSUMS_SINCE = { mysql: [5, 6, 1], mariadb: [5, 3, 0] } as const

/**
 * Reads a FORMAT_DESCRIPTION event `buffer[start, end)` (mysql::binlog::event::Format_description_event):
 * binlog version u16 | server version char[50] | created u32 | header length u8 | post-header lengths | algorithm u8 | CRC.
 * The creation time is the header's: the one in the body is zero in rotated files and for a resuming replica.
 */
export function readFormatDescription(buffer: Buffer, start: number, end: number): FormatDescription {
  const cursor = new EventCursor(buffer, start + HEADER_BYTES, end)
  const binlogVersion = cursor.u16()
  if (binlogVersion !== 4) throw corrupt(`binlog version ${binlogVersion} (only 4, MySQL 5.0 and later, is known)`)
  const serverVersion = cursor.utf8(SERVER_VERSION_BYTES).replace(/\0.*$/s, '')
  cursor.take(4)
  const headerBytes = cursor.u8()
  if (headerBytes !== HEADER_BYTES) throw corrupt(`a header length of ${headerBytes}`)
  const flavour: Flavour = serverVersion.toLowerCase().includes('mariadb') ? 'mariadb' : 'mysql'
  const hasChecksumField = isSince(serverVersion, CHECKSUMS_SINCE[flavour])
  const lengthsEnd = hasChecksumField ? end - CHECKSUM_BYTES - 1 : end
  const lengths = cursor.take(lengthsEnd - cursor.at)
  const algorithm = hasChecksumField ? cursor.u8() : ChecksumAlgorithm.OFF
  if (algorithm !== ChecksumAlgorithm.OFF && algorithm !== ChecksumAlgorithm.CRC32) {
    throw corrupt(`checksum algorithm ${algorithm}`)
  }
  return {
    serverVersion,
    flavour,
    created: timestampOf(buffer, start),
    checksums: algorithm === ChecksumAlgorithm.CRC32,
    postHeaderBytes: Uint8Array.prototype.slice.call(buffer, lengths, lengthsEnd),
  }
}

/** The server computes this event's checksum as if the file were closed, and sets the in-use flag afterwards. */
export function formatDescriptionChecksumMatches(buffer: Buffer, start: number, end: number): boolean {
  if ((flagsOf(buffer, start) & EventFlag.IN_USE) === 0) return checksumMatches(buffer, start, end)
  const closed = Buffer.from(buffer.subarray(start, end))
  closed[17] = closed[17]! & ~EventFlag.IN_USE
  return checksumMatches(closed, 0, closed.length)
}

function isSince(serverVersion: string, since: readonly number[]): boolean {
  const numbers = /^(\d+)\.(\d+)\.(\d+)/.exec(serverVersion)
  if (numbers === null) throw corrupt(`server version "${serverVersion}"`)
  for (let i = 0; i < 3; i++) {
    const difference = Number(numbers[i + 1]) - since[i]!
    if (difference !== 0) return difference > 0
  }
  return true
}
