import { faultOf, mapOf, number, oneOf, orNull, text, time, valuesOf } from '../../model/json/shape.ts'
import { SAGA_STATUSES, STEP_STATUSES } from '../../model/saga/instance.ts'

const timeOrNull = orNull(time)

/** What the machine relies on. */
const INSTANCE = mapOf({
  saga: text,
  key: text,
  version: text,
  status: oneOf(...SAGA_STATUSES),
  startedAt: time,
  updatedAt: time,
  endedAt: timeOrNull,
  deadlineAt: timeOrNull,
  failure: orNull(mapOf({ at: time, code: text, message: text })),
  event: mapOf({ id: text, type: text }),
  steps: valuesOf(
    mapOf({
      status: oneOf(...STEP_STATUSES),
      attempts: number,
      undoAttempts: number,
      failures: number,
      sentAt: timeOrNull,
      sendAt: timeOrNull,
      timeoutAt: timeOrNull,
    }),
  ),
  epoch: number,
  revision: number,
})

/** What keeps a value from being an instance, as in `steps.pay.attempts is not a number`. Null: nothing does. */
export function faultOfInstance(value: unknown): string | null {
  return faultOf(INSTANCE, value)
}
