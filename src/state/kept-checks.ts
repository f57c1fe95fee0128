import { EVALUATION_STAGES } from '../model/errors.ts'
import { listOf, map, mapOf, oneOf, text, time, tupleOf } from '../model/json/shape.ts'
import { VALUE_KINDS } from '../model/table/table.ts'

/** What dead letters and waiting events keep alike. */
export const ACTION = mapOf({ identity: text, parts: map, ofRule: listOf(text) })
export const ATTEMPTS = listOf(mapOf({ at: time, code: text, message: text }))
export const COLUMNS = listOf(tupleOf(text, oneOf(...VALUE_KINDS)))
export const STAGE = oneOf(...EVALUATION_STAGES)
