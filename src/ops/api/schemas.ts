import { z } from 'zod'
import { EVENT_STATUSES, OUTCOME_STATUSES } from '../../model/event/posted/event-record.ts'
import { EVENT_FIELDS } from '../../model/event/posted/posted-event.ts'
import { eventSchema, moment, optionsSchema } from '../../events/post-schema.ts'

/** The bodies and parameters of the API: what validates is what /openapi.json shows. */
export const postBody = z.strictObject({ event: eventSchema, options: optionsSchema.nullish() })
export const bulkBody = z.strictObject({ events: z.array(eventSchema), options: optionsSchema.nullish() })

/** Events inside are checked by whoever takes them in, with the path of each. */
export const looseSingle = z.strictObject({ event: z.unknown(), options: z.unknown().optional() })
export const looseBulk = z.strictObject({ events: z.array(z.unknown()), options: z.unknown().optional() })

const word = z.string().min(1).max(512)

export const listQuery = z.strictObject({
  status: z.enum(EVENT_STATUSES).optional(),
  type: word.optional().meta({ description: 'A pattern: `*` is one part, `**` at the end any number.' }),
  source: word.optional(),
  key: word.optional(),
  userId: word.optional(),
  accountId: word.optional(),
  environment: word.optional().meta({ description: 'Default: that of the token.' }),
  isTest: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  since: moment.optional().meta({ description: 'Of `createdAt`.' }),
  until: moment.optional().meta({ description: 'Of `createdAt`; not included.' }),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
  cursor: word.optional().meta({ description: '`next` of the page before.' }),
})

export const environmentQuery = z.strictObject({ environment: word.optional() })
export const streamQuery = z.strictObject({
  on: z
    .union([word, z.array(word)])
    .optional()
    .meta({ description: 'Patterns of types. Default: all.' }),
  environment: word.optional(),
})

export const replayBody = z.strictObject({
  mode: z.enum(['force', 'ifNoEffect']).default('force').meta({
    description: '`ifNoEffect`: 409 where an action was delivered already.',
  }),
})

/** An action of an event that ended in the dead letters was delivered after all. */
export const redeliveredBody = z.strictObject({ rule: word, action: z.number().int().min(0) })

const fields = z.record(z.string(), z.unknown())
const nullable = z.string().max(512).nullable()
const ms = z.number().int().min(0)

/** Events that actions made, as the action that makes them left them: complete, with what says who caused them. */
export const madeBody = z.strictObject({
  events: z
    .array(
      z.strictObject({
        event: z.strictObject({
          id: z.string().min(1).max(255),
          type: z.string().min(1).max(256),
          source: z.string().min(1).max(255),
          key: nullable,
          payload: z.unknown(),
          context: fields,
          metadata: fields,
          userId: nullable,
          sessionId: nullable,
          accountId: nullable,
          environment: word,
          correlationId: nullable,
          causationId: nullable,
          traceparent: nullable,
          hops: z.number().int().min(1),
          timestamp: ms,
          deliverAt: ms.nullable(),
          isTest: z.boolean(),
        }),
        sent: z.array(z.enum(EVENT_FIELDS)),
      }),
    )
    .min(1),
})
export const madeAnswer = z.object({ events: z.number().int().meta({ description: 'How many were stored.' }) })

export const invokeBody = z.strictObject({
  payload: z.unknown().optional(),
  context: z.record(z.string(), z.unknown()).optional(),
  key: word.optional(),
  id: z.string().min(1).max(255).optional(),
})

const time = z.iso.datetime()
const text = z.string().nullable()

export const outcome = z.object({
  rule: z.string(),
  action: z.number().int().meta({ description: 'Place in the rule, from 0.' }),
  status: z.enum(OUTCOME_STATUSES),
  at: time,
  error: z.string().optional(),
  deadLetter: z.string().optional().meta({ description: 'Id of its dead letter.' }),
})

export const record = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string().meta({ description: 'The same as `type`.' }),
  source: z.string(),
  key: text,
  payload: z.unknown(),
  context: z.record(z.string(), z.unknown()),
  metadata: z.record(z.string(), z.unknown()),
  userId: text,
  sessionId: text,
  accountId: text,
  instanceId: z.string(),
  environment: z.string(),
  correlationId: text,
  causationId: text,
  traceparent: text,
  hops: z.number().int(),
  timestamp: time,
  deliverAt: time.nullable(),
  isTest: z.boolean(),
  status: z.enum(EVENT_STATUSES),
  matched: z.number().int().meta({ description: 'How many rules matched.' }),
  createdAt: time,
  updatedAt: time,
  processedAt: time.nullable(),
  deliveredAt: time.nullable(),
  completedAt: time.nullable(),
  cancelledAt: time.nullable(),
  retryCount: z.number().int(),
  error: text,
  outcomes: z.array(outcome),
  runs: z.array(z.unknown()).meta({ description: 'Always empty; clients of trigger.dev expect it.' }),
  duplicate: z.literal(true).optional().meta({ description: 'The id was stored before; this is what is stored.' }),
  durability: z.enum(['memory', 'server', 'fsync']).optional().meta({ description: 'In answers to a post.' }),
})

export const page = z.object({
  events: z.array(record),
  next: text.meta({ description: '`cursor` of the next page.' }),
})

export const dispatcher = z.object({
  id: z.string(),
  description: text,
  on: z.array(z.string()),
  manual: z.boolean(),
  tags: z.array(z.string()),
  version: z.string(),
  enabled: z.boolean(),
  disabledAt: time.nullable(),
  disabledBy: text,
})

export const problem = z.object({
  error: z.string(),
  code: z.string().meta({ description: 'Stable: docs/errors.md.' }),
  hint: z.string().optional(),
  path: z.string().optional().meta({ description: 'Where in what was sent: `$.event.payload`.' }),
  problems: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
})

export const cloudEvent = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string().min(1).max(255),
  source: z.string().min(1).max(255),
  type: z.string().min(1).max(256),
  subject: word.optional(),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z.string().optional(),
  dataschema: z.string().optional(),
  data: z.unknown().optional(),
  data_base64: z.string().optional(),
  partitionkey: word.optional(),
  correlationid: word.optional(),
  causationid: word.optional(),
  traceparent: word.optional(),
})
