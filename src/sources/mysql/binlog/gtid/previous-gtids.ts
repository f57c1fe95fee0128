import { corrupt } from '../format/corrupt-event.ts'
import { EventCursor } from '../format/event-cursor.ts'
import { MysqlGtidSet } from '../../gtid/gtid-set.ts'
import { MariadbGtidPosition } from '../../gtid/mariadb-gtid-position.ts'
import { u64 } from '../format/little-endian.ts'
import { UUID_BYTES, uuidText } from './uuid-text.ts'

const TAGGED_FORMAT = 1
const INTERVAL_BYTES = 16
const LIST_ENTRY_BYTES = 16

/**
 * Body of PREVIOUS_GTIDS, everything executed before the file began (Gtid_set::encode): number of sources u64 | for each
 * uuid | [length and tag] | number of intervals u64 | intervals (first i64, one behind the last i64). The top byte of
 * the first word is the format; in the tagged one the count lies between the two outermost bytes.
 */
export function readPreviousGtids(buffer: Buffer, start: number, end: number): MysqlGtidSet {
  const cursor = new EventCursor(buffer, start, end)
  const set = new MysqlGtidSet()
  const head = cursor.take(8)
  const tagged = buffer[head + 7] === TAGGED_FORMAT
  const count = tagged ? bytes48(buffer, head + 1) : Number(u64(buffer, head))
  if (count * (UUID_BYTES + 8) > cursor.remaining) throw corrupt(`${count} GTID sources in ${cursor.remaining} bytes`)
  const sources = new Set<string>()
  for (let i = 0; i < count; i++) {
    const uuid = uuidText(buffer, cursor.take(UUID_BYTES))
    const tag = tagged ? readTag(cursor) : ''
    const source = tag === '' ? uuid : `${uuid}:${tag}`
    if (sources.has(source)) throw corrupt(`the GTID source ${source} twice`)
    sources.add(source)
    readIntervals(cursor, set, source)
  }
  return set
}

/** In ascending order, as the server writes them: any other would take the square of their number in time. */
function readIntervals(cursor: EventCursor, set: MysqlGtidSet, source: string): void {
  const intervals = cursor.u64AsDouble()
  if (intervals * INTERVAL_BYTES > cursor.remaining) throw corrupt(`${intervals} GTID intervals`)
  let previous = 0n
  for (let j = 0; j < intervals; j++) {
    const first = BigInt(cursor.u64())
    const behind = BigInt(cursor.u64())
    if (first <= previous || behind <= first) throw corrupt(`the GTID interval ${first} to ${behind}`)
    previous = behind - 1n
    set.addInterval(source, first, previous)
  }
}

/** Tags have at most 32 characters, so the length is one byte whose lowest bit is 0 (mysql::serialization). */
function readTag(cursor: EventCursor): string {
  const length = cursor.u8()
  if ((length & 1) !== 0 || length > 64) throw corrupt('a tag longer than 32 characters')
  return cursor.utf8(length >> 1)
}

function bytes48(buffer: Buffer, at: number): number {
  return buffer.readUIntLE(at, 6)
}

/** Body of MariaDB's GTID_LIST: count u32 (upper four bits are flags) | for each domain u32, server u32, sequence u64. */
export function readGtidList(buffer: Buffer, start: number, end: number): MariadbGtidPosition {
  const cursor = new EventCursor(buffer, start, end)
  const count = cursor.u32() & 0x0fff_ffff
  if (count * LIST_ENTRY_BYTES > cursor.remaining) throw corrupt(`${count} GTIDs in ${cursor.remaining} bytes`)
  const position = new MariadbGtidPosition()
  // Of several servers in one domain the most recent comes last.
  for (let i = 0; i < count; i++) position.set(cursor.u32(), cursor.u32(), BigInt(cursor.u64()))
  return position
}
