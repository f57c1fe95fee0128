import type { SAGA_KEYS } from '../sagas/read-saga.ts'
import type { STEP_KEYS } from '../sagas/read-step.ts'
import type { LISTEN_KEYS } from '../sagas/signal-rule.ts'
import { DURATION_SCHEMA, type JsonSchema } from './json-schema.ts'

/** What sagas have in common with rules. */
export interface SharedSchemas {
  readonly listen: { readonly [key in (typeof LISTEN_KEYS)[number]]: JsonSchema }
  readonly retry: JsonSchema
}

const ACTION: JsonSchema = { $ref: '#/definitions/action' }

/** JSON Schema of one saga; its steps are `#/definitions/sagaStep`. */
export function sagaSchema({ listen }: SharedSchemas): JsonSchema {
  const properties: { readonly [key in (typeof SAGA_KEYS)[number]]: JsonSchema } = {
    id: { type: 'string', minLength: 1, maxLength: 64, description: 'Unique across all files.' },
    description: { type: 'string' },
    enabled: { type: 'boolean', description: 'false: the saga is checked but not started.' },
    ...listen,
    key: { type: 'string', description: 'Names the instance, with id: {{payload.orderId}}. How later events find it.' },
    deadline: { ...DURATION_SCHEMA, description: 'When it is undone if it has not completed.' },
    steps: {
      type: 'array',
      minItems: 1,
      items: {
        anyOf: [
          { $ref: '#/definitions/sagaStep' },
          {
            type: 'object',
            required: ['parallel'],
            additionalProperties: false,
            properties: { parallel: { type: 'array', minItems: 1, items: { $ref: '#/definitions/sagaStep' } } },
          },
        ],
      },
      description: 'One after the other; those of parallel: at the same time.',
    },
  }
  return { type: 'object', required: ['id', 'key', 'steps'], additionalProperties: false, properties }
}

export function sagaStepSchema({ listen, retry }: SharedSchemas): JsonSchema {
  const signal = (description: string): JsonSchema => ({
    type: 'object',
    additionalProperties: false,
    properties: { ...listen, key: { type: 'string', description: 'Default: the key of the saga.' } },
    description,
  })
  const properties: { readonly [key in (typeof STEP_KEYS)[number]]: JsonSchema } = {
    id: { type: 'string', minLength: 1, maxLength: 64, description: 'Unique within the saga.' },
    description: { type: 'string' },
    action: ACTION,
    confirm: signal('The event or row change that tells that the step is done. Default: the success of its action.'),
    reject: signal('The event or row change that tells that the step was refused.'),
    timeout: { ...DURATION_SCHEMA, description: 'From the first attempt on; then the step counts as perhaps done.' },
    retry,
    when: { type: ['string', 'boolean'], description: 'CEL expression; the step is skipped if it is false.' },
    compensate: { anyOf: [{ const: 'none' }, ACTION], description: 'Undoes the step; none: there is nothing to undo.' },
  }
  return { type: 'object', required: ['id', 'action'], additionalProperties: false, properties }
}
