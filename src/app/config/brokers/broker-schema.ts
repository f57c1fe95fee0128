import type { JsonSchema } from '../../../rules/schema/json-schema.ts'
import { BROKER_URLS, type BrokerType } from '../../../sources/broker/address.ts'
import { RECORD_FORMATS } from '../../../sources/broker/contract.ts'
import { SOURCE_NAME } from '../source-name.ts'
import { ON_GAP } from './read-broker.ts'

const TEXT: JsonSchema = { type: 'string', minLength: 1 }
const TEXTS: JsonSchema = { anyOf: [TEXT, { type: 'array', minItems: 1, items: TEXT }] }

const OWN: { readonly [type in BrokerType]: { readonly required: string; readonly properties: JsonSchema } } = {
  kafka: {
    required: 'topics',
    properties: {
      topics: { ...TEXTS, description: 'Topics, and patterns of topics: shop.*.' },
      group: { ...TEXT, description: 'Consumer group. Default: the name of the instance.' },
    },
  },
  nats: {
    required: 'stream',
    properties: {
      stream: { ...TEXT, description: 'The JetStream stream.' },
      subjects: { ...TEXTS, description: 'Subjects of the stream: orders.>. Default: all.' },
      durable: { ...TEXT, description: 'Durable consumer. Default: the name of the instance.' },
    },
  },
  redis: {
    required: 'streams',
    properties: {
      streams: { ...TEXTS, description: 'Keys of streams, and patterns of keys: shop:*.' },
      group: { ...TEXT, description: 'Consumer group. Default: the name of the instance.' },
      field: { ...TEXT, description: 'The field of an entry that is read. Default: value, or the only one.' },
    },
  },
}

/** JSON Schemas of the entries of `sources:` that are brokers, one for each type. */
export function brokerSchemas(): readonly JsonSchema[] {
  return (Object.keys(OWN) as BrokerType[]).map((type) => {
    const { required, properties } = OWN[type]
    return {
      type: 'object',
      additionalProperties: false,
      required: ['type', 'url', required],
      properties: {
        name: { type: 'string', pattern: SOURCE_NAME.source, description: `Default: ${type}.` },
        type: { const: type },
        url: { ...TEXT, description: `${BROKER_URLS[type]}.` },
        format: { enum: RECORD_FORMATS, description: 'What the records are. Default: bingo.' },
        eventType: { ...TEXT, description: 'Type of events whose records name none. Default: the topic.' },
        from: { ...TEXT, description: 'Where a first start begins: latest (the default), earliest or a time.' },
        onGap: { enum: ON_GAP, description: 'What to do where records are gone that were never read. Default: stop.' },
        ...properties,
      },
    }
  })
}
