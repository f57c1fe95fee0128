import type { ActionType } from '../../model/rule/action.ts'
import { REFERENCE_SCHEMA, type JsonSchema } from '../../rules/schema/json-schema.ts'
import { targetSchema } from '../../rules/schema/action-schema.ts'
import { outboxSchema } from './outbox/outbox-schema.ts'
import { SETTING_PATHS, settingSchema } from './settings.ts'
import { brokerSchemas } from './brokers/broker-schema.ts'
import { SOURCE_NAME } from './source-name.ts'

/** JSON Schema of the configuration, from the table of its settings. `docs`: what each means, by its path. */
export function configSchema(types: ReadonlyMap<string, ActionType>, docs: ReadonlyMap<string, string>): JsonSchema {
  const root: { [name: string]: JsonSchema } = {}
  for (const path of SETTING_PATHS) {
    const steps = path.split('.')
    const last = steps.pop()!
    let group = root
    for (const step of steps) {
      const known = group[step] ?? { type: ['object', 'null'], additionalProperties: false, properties: {} }
      group[step] = known
      group = known['properties'] as { [name: string]: JsonSchema }
    }
    const description = docs.get(path)
    const anyOf = [settingSchema(path), REFERENCE_SCHEMA, { type: 'null' }]
    group[last] = { anyOf, ...(description !== undefined && description !== '' && { description }) }
  }
  root['sources'] = sourcesSchema(root['source']!, docs.get('sources'))
  root['outbox'] = outboxSchema(types, docs.get('outbox'))
  root['targets'] = {
    type: ['object', 'null'],
    additionalProperties: targetSchema(types),
    description: 'Named targets.',
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'BinGo configuration',
    type: ['object', 'null'],
    additionalProperties: false,
    properties: root,
  }
}

/** Entries of what `source` holds, and a name. */
function sourcesSchema(source: JsonSchema, description = ''): JsonSchema {
  const name = { type: 'string', pattern: SOURCE_NAME.source }
  const properties = { name, type: { enum: ['mysql', 'mariadb'] }, ...(source['properties'] as object) }
  const server = { type: 'object', additionalProperties: false, required: ['name'], properties }
  return { type: 'array', minItems: 1, items: { anyOf: [server, ...brokerSchemas()] }, description }
}
