import { corrupt } from '../format/corrupt-event.ts'
import { EventCursor } from '../format/event-cursor.ts'
import { u32, u64 } from '../format/little-endian.ts'
import { TaggedGtidFields } from './tagged-gtid.ts'
import { UUID_BYTES, uuidText } from './uuid-text.ts'

/** The head of a transaction. */
export interface TransactionHead {
  /** Source of the GTID as in a MysqlGtidSet: `uuid` or `uuid:tag`; null for an anonymous transaction. */
  readonly source: string | null
  readonly number: number | bigint
  /** Commit time in microseconds since 1970 on the server that wrote this binlog; 0 before MySQL 8.0. */
  readonly commitUs: number
}

const LOGICAL_CLOCK = 2
/** Set in the immediate commit timestamp when the original one follows. */
const HAS_ORIGINAL = 0x80

/**
 * Body of a GTID or ANONYMOUS_GTID event (mysql::binlog::event::Gtid_event): flags u8 | uuid | number i64 and, from 5.7
 * on, logical clock (u8, i64, i64), from 8.0 on commit timestamps of 7 bytes.
 */
export function readGtid(buffer: Buffer, start: number, end: number, anonymous: boolean): TransactionHead {
  const cursor = new EventCursor(buffer, start, end)
  cursor.u8()
  const source = uuidText(buffer, cursor.take(UUID_BYTES))
  const number = u64(buffer, cursor.take(8))
  let commitUs = 0
  if (cursor.remaining >= 17 + 7 && cursor.u8() === LOGICAL_CLOCK) {
    cursor.take(16)
    commitUs = immediateCommit(buffer, cursor.take(7))
  }
  if (!anonymous && number < 1) throw corrupt(`transaction number ${number}`)
  return { source: anonymous ? null : source, number: anonymous ? 0 : number, commitUs }
}

/** Body of a GTID_TAGGED event (MySQL 8.3 and later). */
export function readTaggedGtid(buffer: Buffer, start: number, end: number): TransactionHead {
  const fields = new TaggedGtidFields(buffer, start, end)
  const source = fields.tag === '' ? fields.uuid : `${fields.uuid}:${fields.tag}`
  return { source, number: fields.number, commitUs: fields.immediateCommitUs }
}

function immediateCommit(buffer: Buffer, at: number): number {
  const top = buffer[at + 6]! & ~HAS_ORIGINAL
  return top * 0x1_0000_0000_0000 + (buffer[at + 4]! | (buffer[at + 5]! << 8)) * 0x1_0000_0000 + u32(buffer, at)
}
