import { EventCursor } from './event-cursor.ts'

/** Head of a MariaDB transaction (Gtid_log_event in sql/log_event.h). */
export interface MariadbTransactionHead {
  readonly domain: number
  readonly sequence: number | bigint
  /** One statement outside a transaction: it ends with its own event. */
  readonly standalone: boolean
  readonly preparedXa: boolean
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
  if ((flags & (Flag.PREPARED_XA | Flag.COMPLETED_XA)) !== 0) {
    cursor.take(4)
    const lengths = cursor.u8() + cursor.u8()
    cursor.take(lengths)
  }
  const more = cursor.remaining > 0 ? cursor.u8() : 0
  return {
    domain,
    sequence,
    standalone: (flags & Flag.STANDALONE) !== 0,
    preparedXa: (flags & Flag.PREPARED_XA) !== 0,
    completedXa: (flags & Flag.COMPLETED_XA) !== 0,
    alter: alterPhase(more),
  }
}

function alterPhase(flags: number): MariadbTransactionHead['alter'] {
  if ((flags & ExtraFlag.START_ALTER) !== 0) return 'start'
  if ((flags & ExtraFlag.COMMIT_ALTER) !== 0) return 'commit'
  return (flags & ExtraFlag.ROLLBACK_ALTER) !== 0 ? 'rollback' : 'none'
}
