import { EventCursor } from '../format/event-cursor.ts'

/** Head of a MariaDB transaction (Gtid_log_event in sql/log_event.h). */
export interface MariadbTransactionHead {
  readonly domain: number
  readonly sequence: number | bigint
  /** One statement outside a transaction: it ends with its own event. */
  readonly standalone: boolean
  /** The transaction's rows end with XA PREPARE; its id as in XA COMMIT (`x'…',x'…',n`). */
  readonly preparedXid: string | null
  readonly completedXa: boolean
  /** ALTER in two phases: only the third kind has changed the table. */
  readonly alter: 'none' | 'start' | 'commit' | 'rollback'
}

const Flag = { STANDALONE: 1, GROUP_COMMIT_ID: 2, PREPARED_XA: 64, COMPLETED_XA: 128 } as const
const ExtraFlag = { START_ALTER: 2, COMMIT_ALTER: 4, ROLLBACK_ALTER: 8 } as const

/**
 * Body: sequence u64 | domain u32 | flags u8 | [commit id u64] | [XID: format u32, lengths u8 u8, data] | [more flags u8].
 */
export function readMariadbGtid(buffer: Buffer, start: number, end: number): MariadbTransactionHead {
  const cursor = new EventCursor(buffer, start, end)
  const sequence = cursor.u64()
  const domain = cursor.u32()
  const flags = cursor.u8()
  if ((flags & Flag.GROUP_COMMIT_ID) !== 0) cursor.take(8)
  const isXa = (flags & (Flag.PREPARED_XA | Flag.COMPLETED_XA)) !== 0
  const xid = isXa ? readXid(cursor) : null
  const more = cursor.remaining > 0 ? cursor.u8() : 0
  return {
    domain,
    sequence,
    standalone: (flags & Flag.STANDALONE) !== 0,
    preparedXid: (flags & Flag.PREPARED_XA) !== 0 ? xid : null,
    completedXa: (flags & Flag.COMPLETED_XA) !== 0,
    alter: alterPhase(more),
  }
}

function readXid(cursor: EventCursor): string {
  const format = cursor.u32()
  const globalBytes = cursor.u8()
  const branchBytes = cursor.u8()
  const global = cursor.take(globalBytes)
  const branch = cursor.take(branchBytes)
  const hex = (start: number, length: number) => cursor.buffer.toString('hex', start, start + length)
  return `x'${hex(global, globalBytes)}',x'${hex(branch, branchBytes)}',${format}`
}

function alterPhase(flags: number): MariadbTransactionHead['alter'] {
  if ((flags & ExtraFlag.START_ALTER) !== 0) return 'start'
  if ((flags & ExtraFlag.COMMIT_ALTER) !== 0) return 'commit'
  return (flags & ExtraFlag.ROLLBACK_ALTER) !== 0 ? 'rollback' : 'none'
}
