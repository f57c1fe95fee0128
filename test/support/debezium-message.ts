import { isDeepStrictEqual } from 'node:util'
import { messageOf } from '../../src/model/event/posted/outbox-event.ts'
import type { FieldSource, OutboxColumn, OutboxMapping, OutboxRow } from '../../src/outbox/mapping/contract.ts'
import { topicRoute } from '../../src/outbox/mapping/route.ts'
import { rowMapper } from '../../src/outbox/mapping/row-mapper.ts'
import { mappingOf } from '../../src/outbox/mapping/shapes.ts'

/** A row of Debezium's default table, and what is sent of it. */
export const DEBEZIUM = mappingOf('db.outbox', 'debezium')
export const ID = 'da8d6de6-3b77-45ff-8f44-57db55a7a06c'
export const ROW = { id: ID, aggregatetype: 'User', aggregateid: '10711fa5', type: 'UserCreated', payload: '{}' }
export const ORIGIN = {
  table: 'db.outbox',
  id: 'uuid:7/0',
  at: 1_764_320_400_123,
  instanceId: 'b',
  environment: 'default',
}

export type Kinds = { readonly [column: string]: OutboxColumn['kind'] }
export interface Message {
  readonly topic: unknown
  readonly key: string | null
  readonly type: string
  readonly headers: unknown
  readonly envelope?: unknown
  readonly value: unknown
  /** The value of the record, where it is not the payload alone. */
  readonly sent?: unknown
}

export const column = (name: string): FieldSource => ({ column: name })
export const bytes = (text: string): string => Buffer.from(text).toString('base64')

export function mapped(
  mapping: OutboxMapping,
  row: OutboxRow,
  kinds: Kinds = {},
): Message | { readonly refused: string } {
  const columns = Object.keys(row).map((name) => ({ name, kind: kinds[name] ?? 'other' }))
  const result = rowMapper(mapping, columns).map(row, ORIGIN)
  if (result.tag === 'refused') return { refused: result.column }
  const { key, type, context, payload } = result.event
  const { topic, headers, envelope } = context as Record<string, unknown>
  const sent = messageOf(result.event)
  return {
    topic,
    key,
    type,
    headers,
    value: payload,
    ...(envelope !== undefined && { envelope }),
    ...(!isDeepStrictEqual(sent, payload) && { sent }),
  }
}

export const withFields = (fields: Partial<OutboxMapping['fields']>): OutboxMapping => ({
  ...DEBEZIUM,
  fields: { ...DEBEZIUM.fields, ...fields },
})
export const added = (...additional: (readonly [string, string, 'header' | 'envelope'])[]): OutboxMapping => ({
  ...DEBEZIUM,
  additional: additional.map(([name, as, placement]) => ({ column: name, name: as, placement })),
})
export const routed = (match: string, replace: string): OutboxMapping => ({
  ...DEBEZIUM,
  route: topicRoute(match, replace),
})

/** What is sent of `ROW`. */
export const DEFAULT: Message = {
  topic: 'outbox.event.User',
  key: '10711fa5',
  type: 'UserCreated',
  headers: { id: ID },
  value: {},
}
