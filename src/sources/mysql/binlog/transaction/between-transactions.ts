import { EventType } from '../format/event-types.ts'
import { EventFlag } from '../format/header.ts'
import type { PositionTracker } from './position-tracker.ts'
import { readGtidList, readPreviousGtids } from '../gtid/previous-gtids.ts'
import { unknownEvent } from '../format/stream-errors.ts'

/** Learns from an event that carries no changes. BINGO_BINLOG_UNKNOWN_EVENT for one that could (invariant 8). */
export function learnBetween(
  type: number,
  flags: number,
  buffer: Buffer,
  start: number,
  end: number,
  position: PositionTracker,
): void {
  switch (type) {
    case EventType.PREVIOUS_GTIDS:
      position.executed.learn(readPreviousGtids(buffer, start, end))
      return
    case EventType.MARIADB_GTID_LIST:
      // One that the server makes up tells of the replica's position, not of the file.
      if ((flags & EventFlag.ARTIFICIAL) === 0) position.executed.learn(readGtidList(buffer, start, end))
      return
    case EventType.STOP:
    case EventType.IGNORABLE:
    case EventType.TRANSACTION_CONTEXT:
    case EventType.VIEW_CHANGE:
    case EventType.MARIADB_BINLOG_CHECKPOINT:
    case EventType.MARIADB_START_ENCRYPTION:
      return
    default:
      if ((flags & EventFlag.IGNORABLE) === 0)
        throw unknownEvent(type, { file: position.file, offset: position.eventStart })
  }
}
