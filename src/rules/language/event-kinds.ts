import { isEventField } from '../../model/event/posted/posted-event.ts'
import type { EventKind } from '../../model/rule/rule.ts'

/** Something that only one kind of events has, or that means another thing for each (`either`). */
export interface KindRead {
  /** `none`: no event has it. */
  readonly kind: EventKind | 'either' | 'none'
  /** As it is written: `new.status`, `payload.plan`. */
  readonly text: string
  /** In the text. */
  readonly offset: number
}

/** Members of a row's event besides those that every event has. */
const ROW_MEMBERS: ReadonlySet<string> = new Set(
  'new old NewRow OldRow changed op schema table gtid serverId txId seq position query'.split(' '),
)
/** What rows have in their payload. */
const ROW_PAYLOAD: ReadonlySet<string> = new Set(['new', 'old', 'key', 'changed'])
/** Fields of events that rows have too. */
const COMMON: ReadonlySet<string> = new Set(['id', 'type', 'source', 'payload', 'timestamp', 'ts'])

/** For which kind a member of an event is there; null: for both. Undefined: for none. */
export function kindOfMember(path: readonly string[]): EventKind | null | undefined {
  const [head, next] = path
  if (head === undefined) return null
  if (head === 'payload') return next === undefined || ROW_PAYLOAD.has(next) ? null : 'posted'
  if (head === 'key') return next === undefined ? 'posted' : 'row'
  if (COMMON.has(head)) return null
  if (ROW_MEMBERS.has(head)) return 'row'
  return isEventField(head) ? 'posted' : undefined
}
