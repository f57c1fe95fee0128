import { z } from 'zod'

/** Parts joined by dots; no blanks, wildcards or control characters, so that patterns can name every type. */
export const TYPE = /^[^\s.*"\p{Cc}\p{Cs}]+(\.[^\s.*"\p{Cc}\p{Cs}]+)*$/u
/** Printable: it is a header, a key and a label elsewhere. */
export const WORD = /^[^\p{Cc}\p{Cs}]+$/u
export const ID = /^[^\s\p{Cc}\p{Cs}]+$/u
const ID_HINT = 'a text without blanks and control characters is expected'

function word(most: number, pattern = WORD, hint = 'a text without control characters is expected'): z.ZodString {
  return z.string().min(1).max(most).regex(pattern, hint)
}

const typeText = z
  .string()
  .min(1)
  .max(256)
  .regex(TYPE, 'words joined by single dots are expected, without blanks and wildcards')
  .meta({
    description: 'Dotted: `schema.entity.operation`, such as `orders.order.create`.',
    example: 'orders.order.create',
  })

/** A moment: ISO 8601 with a zone, or milliseconds since 1970. */
export const LATEST_MS = 253_402_300_799_999
export const moment = z
  .union([z.iso.datetime({ offset: true }), z.number().int().min(0).max(LATEST_MS)])
  .transform((value) => new Date(value).getTime())
  .refine((at) => at >= 0 && at <= LATEST_MS, 'a time between 1970 and 9999 is expected')

/** A JSON value; what programs hand over may hold bigints. */
const anyJson = z.unknown()
const fields = z
  .record(z.string(), z.unknown(), 'a map is expected')
  .nullish()
  .transform((value) => value ?? {})

/** What one posted event may say. `name` is another word for `type`. */
export const eventSchema = z
  .strictObject({
    id: word(255, ID, ID_HINT)
      .optional()
      .meta({ description: 'Unique in its environment; default: a UUID of version 7.' }),
    type: typeText.optional(),
    name: typeText.optional().meta({ description: 'The same as `type`.' }),
    source: word(255).optional().meta({ description: '`frontend`, `websocket`, `system`, … Default: `api`.' }),
    key: word(512).nullish().meta({ description: 'Events of one key are processed in their order.' }),
    payload: anyJson.optional(),
    context: fields.optional(),
    metadata: fields.optional(),
    userId: word(255).nullish(),
    sessionId: word(255).nullish(),
    accountId: word(255).nullish(),
    correlationId: word(255).nullish(),
    causationId: word(255).nullish(),
    traceparent: word(255).nullish().meta({ description: 'W3C trace context.' }),
    timestamp: moment.optional().meta({ description: 'When it happened. Default: now.' }),
    isTest: z.boolean().optional(),
    payloadType: z.enum(['JSON', 'REQUEST']).optional().meta({ description: 'Accepted and ignored.' }),
  })
  .refine(({ type, name }) => type !== undefined || name !== undefined, {
    message: 'the type is missing',
    path: ['type'],
  })
  .refine(({ type, name }) => type === undefined || name === undefined || type === name, {
    message: '`type` and `name` differ',
    path: ['name'],
  })

export const optionsSchema = z.strictObject({
  deliverAt: moment.optional().meta({ description: 'Not before this moment; wins over `deliverAfter`.' }),
  deliverAfter: z.number().int().max(315_360_000).optional().meta({ description: 'Seconds; 0 or less: now.' }),
  accountId: word(255).optional(),
  onConflict: z.enum(['keep', 'error']).optional().meta({
    description: '`error`: an id that is stored with other content is refused with 409. Default: `keep`.',
  }),
})

export type EventInput = z.infer<typeof eventSchema>
export type OptionsInput = z.infer<typeof optionsSchema>
