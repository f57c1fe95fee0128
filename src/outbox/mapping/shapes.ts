import type { FieldSource, OutboxFields, OutboxMapping } from './contract.ts'

export type ShapeName = 'standard' | 'debezium'

const column = (name: string): FieldSource => ({ column: name })

const NONE = { typeElse: null, headers: null, timestamp: null, texts: {} } as const

/** The tables that people have: that of `createOutbox`, and that of Debezium's outbox event router. */
export const SHAPES: Readonly<Record<ShapeName, OutboxFields>> = {
  standard: {
    ...NONE,
    id: column('id'),
    type: column('event_type'),
    typeElse: column('topic'),
    key: column('aggregate_id'),
    topic: column('topic'),
    payload: column('payload'),
    headers: column('headers'),
  },
  debezium: {
    ...NONE,
    id: column('id'),
    type: column('type'),
    typeElse: column('aggregatetype'),
    key: column('aggregateid'),
    topic: column('aggregatetype'),
    payload: column('payload'),
  },
}

/** Columns that a table of this shape may lack. */
export const OPTIONAL_COLUMNS: Readonly<Record<ShapeName, readonly string[]>> = {
  standard: ['headers', 'event_type'],
  debezium: ['type'],
}

/** What Debezium's router does without any option: the topic `outbox.event.AGGREGATETYPE`, and the id in a header. */
export const DEBEZIUM_ROUTE = (value: string): string => `outbox.event.${value}`
export const DEBEZIUM_ADDITIONAL: OutboxMapping['additional'] = [{ column: 'id', name: 'id', placement: 'header' }]

/** The mapping of a shape as it is without any option. */
export function mappingOf(table: string, shape: ShapeName): OutboxMapping {
  const isDebezium = shape === 'debezium'
  return {
    table,
    source: 'outbox',
    fields: SHAPES[shape],
    optional: new Set(OPTIONAL_COLUMNS[shape]),
    additional: isDebezium ? DEBEZIUM_ADDITIONAL : [],
    expand: true,
    dropNulls: false,
    tombstone: false,
    route: isDebezium ? DEBEZIUM_ROUTE : null,
  }
}
