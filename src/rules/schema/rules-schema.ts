import type { ActionType } from '../../model/rule/action.ts'
import type { RULE_KEYS } from '../read/read-rule.ts'
import { actionSchema, anyCase, DELIVERY, TEXTS } from './action-schema.ts'
import { DURATION_SCHEMA, type JsonSchema } from './json-schema.ts'
import { sagaSchema, sagaStepSchema } from './saga-schema.ts'
import { PATTERN_DEFINITIONS, PATTERN_SCHEMA } from './pattern-schema.ts'

const EVENT = anyCase(['insert', 'update', 'delete', 'truncate', 'ddl', 'gap'])

const LOOKUPS: JsonSchema = {
  type: 'object',
  minProperties: 1,
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    required: ['sql'],
    properties: {
      sql: { type: 'string', description: 'One SELECT with ? for each of params.' },
      params: { type: ['array', 'string'] },
      from: { type: 'string', description: 'source (default), mysql://…, or the name of an sql target.' },
      cache: { ...DURATION_SCHEMA, description: 'How long an answer is used again. Default: not at all.' },
      missing: { enum: [null, 'null', 'error'], description: 'What a missing row is. Default: null.' },
      timeout: { ...DURATION_SCHEMA, description: 'How long a query may take. Default: 5s.' },
      tls: {},
    },
  },
}

const THRESHOLD: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['within'],
  properties: {
    count: { type: 'integer', minimum: 1, description: 'Acts on the event that is more than so many.' },
    sum: { type: 'string', description: 'Adds this up instead: {{new.total}}.' },
    above: { type: ['number', 'string'], description: 'With sum: acts when the sum exceeds it.' },
    within: { ...DURATION_SCHEMA, description: 'The time that is looked back.' },
    by: { type: 'string', description: 'What is counted by: {{new.shop_id}}. Default: everything together.' },
    again: { ...DURATION_SCHEMA, description: 'Earliest time to act again for the same group. Default: within.' },
    groups: { type: 'integer', minimum: 1, maximum: 100_000, description: 'Most groups at a time. Default: 10,000.' },
  },
  description: 'Acts when more events than that come within a time, instead of on each.',
}

const FILTER: JsonSchema = { type: ['string', 'boolean'], description: 'CEL expression that returns true or false.' }
const RULE: { readonly [key in (typeof RULE_KEYS)[number]]: JsonSchema } = {
  id: { type: 'string', minLength: 1, maxLength: 128, description: 'Unique across all files.' },
  description: { type: 'string' },
  tags: TEXTS,
  enabled: { type: 'boolean', description: 'false: the rule is checked but not used.' },
  table: { ...TEXTS, description: 'Table or pattern: users, shop.users, shop.*, *.order_??; or a list of these.' },
  events: {
    anyOf: [EVENT, { type: 'array', items: EVENT, minItems: 1 }],
    description: 'Default: INSERT, UPDATE and DELETE. Also TRUNCATE, DDL, GAP.',
  },
  on: {
    ...TEXTS,
    description:
      'Instead of table: types of events, rows too: orders.order.create, shop.users.*, orders.**, *; or a list.',
  },
  source: {
    ...TEXTS,
    description: 'Who events come from: database for rows, api, frontend or any name. Default: any.',
  },
  test: { ...anyCase(['exclude', 'only', 'any']), description: 'Events that are a test. Default: any.' },
  manual: { type: 'boolean', description: 'true: no event matches the rule; it runs when it is invoked.' },
  match: PATTERN_SCHEMA,
  filter: FILTER,
  key: {
    type: 'string',
    description: 'Orders, gathers and parks by this instead of the primary key: {{customer_id}}.',
  },
  lookup: { ...LOOKUPS, description: 'Rows of other tables for {{lookup.NAME.COLUMN}} and when.' },
  threshold: THRESHOLD,
  debounce: {
    anyOf: [
      DURATION_SCHEMA,
      {
        type: 'object',
        additionalProperties: false,
        required: ['window'],
        properties: { window: DURATION_SCHEMA, maxWait: DURATION_SCHEMA, maxBatch: { type: 'integer', minimum: 1 } },
      },
    ],
    description: 'Collects the changes of a row in a window.',
  },
  coalesce: { enum: ['latest', 'none'] },
  delay: { ...DURATION_SCHEMA, description: 'Time between the commit and the first attempt.' },
  cancelOn: {
    type: 'object',
    additionalProperties: false,
    properties: {
      events: { anyOf: [EVENT, { type: 'array', items: EVENT, minItems: 1 }] },
      match: PATTERN_SCHEMA,
      filter: FILTER,
    },
    description: 'Later changes of the same key that cancel what waits for the delay.',
  },
  recheck: {
    type: 'boolean',
    description: 'Asks the filter and when again after the delay, of the newest row; a deleted row ends what waits.',
  },
  ...DELIVERY,
  actions: { type: 'array', minItems: 1, items: { $ref: '#/definitions/action' } },
}

/** JSON Schema of rules files, from the tables that the loader reads with. */
export function rulesSchema(types: ReadonlyMap<string, ActionType>): JsonSchema {
  const { on, table, events, source, test, match } = RULE
  const shared = { listen: { on, table, events, source, test, match, filter: FILTER }, retry: DELIVERY.retry }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'BinGo rules',
    type: 'object',
    anyOf: [{ required: ['rules'] }, { required: ['sagas'] }, { required: ['schemas'] }],
    additionalProperties: false,
    properties: {
      schemas: {
        type: 'object',
        additionalProperties: { type: ['string', 'object'] },
        description: 'Type of events → JSON Schema of its payload: a file, relative to this one, or the schema itself.',
      },
      rules: {
        type: 'array',
        items: { type: 'object', required: ['id', 'actions'], additionalProperties: false, properties: RULE },
      },
      sagas: { type: 'array', items: sagaSchema(shared) },
    },
    definitions: { action: actionSchema(types), sagaStep: sagaStepSchema(shared), ...PATTERN_DEFINITIONS },
  }
}
