import { z } from 'zod'
import { SAGA_STATUSES, STEP_STATUSES } from '../../../model/saga/instance.ts'

/** The bodies and parameters of the API of sagas: what validates is what /openapi.json shows. */
const word = z.string().min(1).max(512)
const status = z.enum(SAGA_STATUSES)
const time = z.iso.datetime()

export const sagaQuery = z.strictObject({
  saga: word.optional().meta({ description: 'The id of its definition.' }),
  status: z.union([status, z.array(status)]).optional(),
  key: word.optional().meta({ description: 'Keys that begin with this.' }),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
  cursor: z.string().min(1).max(2_048).optional().meta({ description: '`next` of the page before.' }),
})

export const sagaBody = z.strictObject({
  step: word.optional().meta({ description: '`retry` and `skip`. Default: what the instance is at.' }),
  reason: word.optional().meta({ description: '`compensate`: why.' }),
})

const failure = z.object({ at: time, code: z.string(), message: z.string() }).nullable()
const stepSummary = z.object({
  id: z.string(),
  status: z.enum(STEP_STATUSES),
  attempts: z.number().int(),
  undoAttempts: z.number().int(),
})
const summary = z.object({
  saga: z.string(),
  key: z.string(),
  status,
  startedAt: time,
  updatedAt: time,
  endedAt: time.nullable(),
  deadlineAt: time.nullable(),
  dueAt: time.nullable().meta({ description: 'When it is looked at next, whatever comes.' }),
  failure: failure.meta({ description: 'Why it does not go on as planned.' }),
  steps: z.array(stepSummary),
})

export const sagaPage = z.object({
  sagas: z.array(summary),
  next: z.string().nullable().meta({ description: '`cursor` of the next page.' }),
})

export const sagaInstance = summary.extend({
  version: z.string().meta({ description: 'Of the definition that it began with.' }),
  revision: z.number().int().meta({ description: 'Counts its transitions.' }),
  event: z.record(z.string(), z.unknown()).meta({ description: 'What started it.' }),
  steps: z.array(
    stepSummary.extend({
      beganAt: time.nullable(),
      endedAt: time.nullable(),
      sendAt: time.nullable().meta({ description: 'When its command is sent, or sent again.' }),
      timeoutAt: time.nullable(),
      output: z.unknown().meta({ description: "The action's answer, with the payload of what confirmed it." }),
      failure,
    }),
  ),
})
