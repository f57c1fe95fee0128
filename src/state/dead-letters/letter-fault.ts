import { listOf, map, mapOf, number, oneOf, optional, orNull, text, time } from '../../model/json/shape.ts'
import { ACTION, ATTEMPTS, COLUMNS, STAGE } from '../kept-checks.ts'

/** What the store and those who read letters rely on; the events of rows and posted ones are checked when they are made. */
export const LETTER = mapOf({
  id: text,
  event: mapOf({
    id: text,
    op: text,
    schema: text,
    table: text,
    key: orNull(map),
    old: orNull(map),
    new: orNull(map),
  }),
  ruleId: text,
  ruleVersion: text,
  actionIndex: number,
  action: optional(ACTION),
  actionType: text,
  target: text,
  rowKey: text,
  state: oneOf('skip', 'park', 'parked'),
  attempts: ATTEMPTS,
  createdAt: time,
  stage: optional(STAGE),
  columns: optional(COLUMNS),
  bigints: optional(listOf(listOf(text))),
})
