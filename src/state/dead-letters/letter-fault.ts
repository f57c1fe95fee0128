import {
  faultOf,
  listOf,
  map,
  mapOf,
  number,
  oneOf,
  optional,
  orNull,
  pairOf,
  text,
  time,
} from '../../model/json/shape.ts'
import { EVALUATION_STAGES } from '../../model/errors.ts'
import { VALUE_KINDS } from '../../model/table/table.ts'

/** What the store and those who read letters rely on; the events of rows and posted ones are checked when they are made. */
const LETTER = mapOf({
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
  action: optional(mapOf({ identity: text, parts: map, ofRule: listOf(text) })),
  actionType: text,
  target: text,
  rowKey: text,
  state: oneOf('skip', 'park', 'parked'),
  attempts: listOf(mapOf({ at: time, code: text, message: text })),
  createdAt: time,
  stage: optional(oneOf(...EVALUATION_STAGES)),
  columns: optional(listOf(pairOf(text, oneOf(...VALUE_KINDS)))),
  bigints: optional(listOf(listOf(text))),
})

/** What keeps a value from being a dead letter, as in `attempts[0].code is not a text`. Null: nothing does. */
export function faultOfLetter(value: unknown): string | null {
  return faultOf(LETTER, value)
}
