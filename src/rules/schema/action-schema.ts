import type { ActionType } from '../../model/rule/action.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'
import type { DELIVERY_KEYS } from '../read/delivery-options.ts'
import { BYTES_SCHEMA, DURATION_SCHEMA, type JsonSchema } from './json-schema.ts'

const WHOLE: JsonSchema = { type: 'integer', minimum: 0 }
const TEXT: JsonSchema = { type: ['string', 'number', 'boolean'] }
export const TEXTS: JsonSchema = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }
const SOME_TEXTS: JsonSchema = {
  anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }],
}

export const DELIVERY: { readonly [key in (typeof DELIVERY_KEYS)[number]]: JsonSchema } = {
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
      return field.word === undefined ? WHOLE : { anyOf: [WHOLE, { const: field.word }] }
    case 'duration':
      return DURATION_SCHEMA
    case 'bytes':
      return BYTES_SCHEMA
    case 'rate':
      return DELIVERY.rate
    case 'enum':
      return anyCase(field.values)
    case 'stringList':
      return field.required === true ? SOME_TEXTS : TEXTS
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

/** The values in any letter case; the ones as written are what an editor offers. */
export function anyCase(values: readonly string[]): JsonSchema {
  const letters = (value: string): string =>
    value.replaceAll(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`)
  return { anyOf: [{ enum: values }, { type: 'string', pattern: `^(${values.map(letters).join('|')})$` }] }
}
