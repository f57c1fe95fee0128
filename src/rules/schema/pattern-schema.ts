import { OPERATORS } from '../language/pattern/pattern.ts'
import type { JsonSchema } from './json-schema.ts'

const VALUE: JsonSchema = { type: ['string', 'number', 'boolean'] }
const VALUES: JsonSchema = {
  anyOf: ['string', 'number', 'boolean'].map((type) => ({ type: 'array', items: { type }, minItems: 1 })),
}

const OPERANDS: { readonly [takes in (typeof OPERATORS)[keyof typeof OPERATORS]['takes']]: JsonSchema } = {
  text: { type: 'string' },
  boolean: { type: 'boolean' },
  number: { type: 'number' },
  numbers: { type: 'array', items: { type: 'number' }, minItems: 2, maxItems: 2 },
  value: VALUE,
  values: { anyOf: [VALUE, VALUES] },
  'value or operator': { anyOf: [VALUE, { $ref: '#/definitions/operator' }] },
}

/** `match:` of a rule, and what its definitions hold. */
export const PATTERN_SCHEMA: JsonSchema = {
  $ref: '#/definitions/pattern',
  description: 'Pattern that the event has to match: {payload: {country: [DE, AT], age: [{$gte: 18}]}}.',
}

export const PATTERN_DEFINITIONS: JsonSchema = {
  pattern: {
    type: 'object',
    additionalProperties: {
      anyOf: [
        { $ref: '#/definitions/pattern' },
        { type: ['string', 'number', 'boolean', 'null'] },
        { type: 'array', maxItems: 0 },
        VALUES,
        { type: 'array', minItems: 1, items: { anyOf: [{ $ref: '#/definitions/operator' }, { type: 'null' }] } },
      ],
    },
  },
  operator: {
    type: 'object',
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
    properties: Object.fromEntries(Object.entries(OPERATORS).map(([name, { takes }]) => [name, OPERANDS[takes]])),
  },
}
