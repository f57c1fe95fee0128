import type { ActionType, FieldSpec } from '../../model/rule/action.ts'
import type { DELIVERY_KEYS } from '../read/delivery-options.ts'
import type { RULE_KEYS } from '../read/read-rule.ts'
import { BYTES_SCHEMA, DURATION_SCHEMA, type JsonSchema } from './json-schema.ts'
import { PATTERN_DEFINITIONS, PATTERN_SCHEMA } from './pattern-schema.ts'

const TEXT: JsonSchema = { type: ['string', 'number', 'boolean'] }
const TEXTS: JsonSchema = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }

const DELIVERY: { readonly [key in (typeof DELIVERY_KEYS)[number]]: JsonSchema } = {
  timeout: { ...DURATION_SCHEMA, description: 'How long one attempt may take; at most 1h.' },
  retry: {
    type: 'object',
    additionalProperties: false,
    properties: {
      attempts: { type: 'integer', minimum: 1 },
      maxAge: DURATION_SCHEMA,
      min: DURATION_SCHEMA,
      max: DURATION_SCHEMA,
    },
    description: 'Number of attempts, and the bounds of the pause between them.',
  },
  onFailure: {
    ...anyCase(['block', 'park', 'skip']),
    description: 'What to do with an event that cannot be delivered.',
  },
  rate: {
    type: 'string',
    pattern: String.raw`^\d+(\.\d+)?\s*/\s*(s|m|h)$`,
    description: 'Maximum rate of events: 500/s, 100/m, 10/h.',
  },
}

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

/** JSON Schema of rules files, from the tables that the loader reads with. */
export function rulesSchema(types: ReadonlyMap<string, ActionType>): JsonSchema {
  const filter = { type: ['string', 'boolean'], description: 'CEL expression that returns true or false.' }
  const rule: { readonly [key in (typeof RULE_KEYS)[number]]: JsonSchema } = {
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
    filter,
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
        filter,
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
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'BinGo rules',
    type: 'object',
    anyOf: [{ required: ['rules'] }, { required: ['schemas'] }],
    additionalProperties: false,
    properties: {
      schemas: {
        type: 'object',
        additionalProperties: { type: ['string', 'object'] },
        description: 'Type of events → JSON Schema of its payload: a file, relative to this one, or the schema itself.',
      },
      rules: {
        type: 'array',
        items: { type: 'object', required: ['id', 'actions'], additionalProperties: false, properties: rule },
      },
    },
    definitions: { action: actionSchema(types), ...PATTERN_DEFINITIONS },
  }
}

/** One action. */
export function actionSchema(types: ReadonlyMap<string, ActionType>): JsonSchema {
  const common = {
    target: { type: 'string', description: 'Name of a target under targets: in the configuration.' },
    when: { type: ['string', 'boolean'], description: 'CEL expression; the action is skipped if it is false.' },
    ...DELIVERY,
  }
  const each = [...types.values()].map((type) => ({
    if: { required: ['type'], properties: { type: { const: type.type } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: {
      additionalProperties: false,
      properties: { type: { const: type.type }, ...common, ...fieldSchemas(type.fields) },
    },
  }))
  return {
    type: 'object',
    anyOf: [{ required: ['type'] }, { required: ['target'] }],
    properties: { type: { enum: [...types.keys()] }, ...common },
    allOf: each,
  }
}

/** A named target: the address and what goes with it. */
export function targetSchema(types: ReadonlyMap<string, ActionType>): JsonSchema {
  const each = [...types.values()].map((type) => {
    const fields = Object.fromEntries(Object.entries(type.fields).filter(([name]) => type.targetFields.includes(name)))
    return {
      if: { properties: { type: { const: type.type } } },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: {
        additionalProperties: false,
        properties: { type: { const: type.type }, spool: SPOOL, ...DELIVERY, ...fieldSchemas(fields) },
      },
    }
  })
  return { type: 'object', required: ['type'], properties: { type: { enum: [...types.keys()] } }, allOf: each }
}

const SPOOL: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  properties: { after: DURATION_SCHEMA, maxBytes: BYTES_SCHEMA },
  description: 'When this target spools while it is down, and how much; overrides the settings of the same name.',
}

/** Schemas of the fields of an action or a target. */
function fieldSchemas(fields: { readonly [name: string]: FieldSpec }): { readonly [name: string]: JsonSchema } {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, { ...schemaOf(field), description: field.doc }]),
  )
}

function schemaOf(field: FieldSpec): JsonSchema {
  switch (field.kind) {
    case 'template':
    case 'text':
      return TEXT
    case 'structure':
      return {}
    case 'string':
      return { type: 'string' }
    case 'boolean':
      return { type: 'boolean' }
    case 'integer':
      return { type: 'integer', minimum: 0 }
    case 'duration':
      return DURATION_SCHEMA
    case 'bytes':
      return BYTES_SCHEMA
    case 'rate':
      return DELIVERY.rate
    case 'enum':
      return anyCase(field.values)
    case 'stringList':
      return TEXTS
    case 'templateList':
      return {
        anyOf: [
          TEXT,
          { type: 'array', items: TEXT },
          ...(field.whole === true ? [{ type: 'object', additionalProperties: TEXT }] : []),
        ],
      }
    case 'templateMap':
      return field.whole === true
        ? {
            anyOf: [
              { type: 'object', additionalProperties: TEXT },
              { type: 'string', pattern: String.raw`^\{\{.*\}\}$` },
            ],
          }
        : { type: 'object', additionalProperties: TEXT }
    case 'stringMap':
      return { type: 'object', additionalProperties: { type: 'string' } }
    case 'object': {
      const required = Object.entries(field.fields).flatMap(([name, each]) => (each.required === true ? [name] : []))
      return {
        type: 'object',
        additionalProperties: false,
        properties: fieldSchemas(field.fields),
        ...(required.length > 0 && { required }),
      }
    }
  }
}

const EVENT = anyCase(['insert', 'update', 'delete', 'truncate', 'ddl', 'gap'])

/** The values in any letter case; the ones as written are what an editor offers. */
function anyCase(values: readonly string[]): JsonSchema {
  const letters = (value: string): string =>
    value.replaceAll(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`)
  return { anyOf: [{ enum: values }, { type: 'string', pattern: `^(${values.map(letters).join('|')})$` }] }
}
