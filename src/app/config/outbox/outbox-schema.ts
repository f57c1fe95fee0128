import type { ActionType } from '../../../model/rule/action.ts'
import { DURATION_SCHEMA, type JsonSchema } from '../../../rules/schema/json-schema.ts'
import { actionSchema } from '../../../rules/schema/action-schema.ts'
import { AFTER } from './read-outboxes.ts'
import { COLUMN_KEYS, PLACEMENTS, SHAPE_NAMES } from './read-mapping.ts'

const TEXT: JsonSchema = { type: ['string', 'number'] }
const VALUE: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['value'],
  properties: { value: TEXT },
}

/** JSON Schema of `outbox:`. */
export function outboxSchema(types: ReadonlyMap<string, ActionType>, description = ''): JsonSchema {
  const action = actionSchema(types)
  const columns = Object.fromEntries(
    COLUMN_KEYS.map((name) => [name, name === 'type' || name === 'topic' ? { anyOf: [TEXT, VALUE] } : TEXT]),
  )
  const properties = {
    table: { type: 'string', description: 'The table, or a pattern of tables: shop.outbox.' },
    shape: {
      anyOf: [
        { enum: SHAPE_NAMES },
        { type: 'object', additionalProperties: false, required: ['type'], properties: columns },
      ],
      description: 'standard (the default), debezium, or which column says what.',
    },
    source: { type: 'string', description: 'source of the events. Default: outbox.' },
    topic: {
      type: 'object',
      additionalProperties: false,
      required: ['replace'],
      properties: { match: { type: 'string' }, replace: { type: 'string' } },
      description: 'Rewrites the topic: a regular expression that all of it has to match, and what it becomes.',
    },
    additional: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['column'],
        properties: { column: TEXT, as: TEXT, in: { enum: PLACEMENTS } },
      },
      description: 'Columns that are handed on as headers, or in one object with the payload.',
    },
    expand: { type: 'boolean', description: 'JSON in a text column becomes JSON. Default: true.' },
    dropNulls: { type: 'boolean', description: 'Leaves out members that are null and empty lists. Default: false.' },
    tombstone: { type: 'boolean', description: 'NULL and blank payloads are null. Default: false, NULL is refused.' },
    after: {
      enum: AFTER,
      description: 'What happens to a row whose event has ended. Default: keep; of a table that is polled: mark.',
    },
    cleanup: {
      type: 'object',
      additionalProperties: false,
      properties: { after: DURATION_SCHEMA, every: DURATION_SCHEMA },
      description: 'With after: mark, of a table that is not polled: deletes rows that were marked so long ago.',
    },
    to: {
      anyOf: [action, { type: 'array', minItems: 1, items: action }],
      description: 'Actions that the events are sent by. Default: none, rules with on take them.',
    },
    poll: { type: 'string', description: 'Asks for rows this often, instead of reading the binlog: 5s.' },
    url: { type: 'string', description: 'The database that is polled: postgres://…, mysql://…, file:PATH.' },
    batch: { type: 'integer', minimum: 1, maximum: 1_000, description: 'Rows that are claimed at once. Default: 100.' },
    maxRetries: { type: 'integer', minimum: 0, description: 'Attempts of `to` after the first one. Default: 3.' },
    workers: { type: 'integer', minimum: 1, maximum: 64, description: 'Claims side by side. Default: 1.' },
    order: { type: 'string', description: 'The column that tells which of two rows is older. Default: found out.' },
  }
  return {
    type: ['array', 'null'],
    items: { type: 'object', additionalProperties: false, required: ['table'], properties },
    ...(description !== '' && { description }),
  }
}
