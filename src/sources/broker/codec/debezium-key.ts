import type { Row, Value } from '../../../model/event/row.ts'
import type { BrokerRecord } from '../contract.ts'
import type { DebeziumField } from './debezium-values.ts'
import { isMap, jsonOf, listOfMaps, type JsonMap } from './json-value.ts'
import { kindOfValue, type ColumnKind } from './table-shapes.ts'

/** What the schema of a field says of its column. */
export type FieldOf = (field: JsonMap) => DebeziumField

export interface RecordKey {
  readonly names: readonly string[]
  readonly values: JsonMap
  /** What its schema says; empty where it came without one. */
  readonly fields: readonly JsonMap[]
}

/** The key of the row, which the key of the record is; null: the table has none. */
export function recordKey({ key }: BrokerRecord): RecordKey | null {
  if (key === null || key.length === 0) return null
  const value = jsonOf(key, 'key')
  if (!isMap(value)) return null
  const { schema, payload } = value
  const isDescribed = isMap(schema) && isMap(payload) && Object.keys(value).length === 2
  const values = isDescribed ? payload : value
  return { names: Object.keys(values), values, fields: isDescribed ? listOfMaps(schema['fields']) : [] }
}

export function keyRow(key: RecordKey | null, kinds: Map<string, ColumnKind>, fieldOf: FieldOf): Row | null {
  if (key === null) return null
  const row = Object.create(null) as { [column: string]: Value }
  for (const [name, value] of Object.entries(key.values)) {
    const field = key.fields.find((each) => each['field'] === name)
    const described = field && fieldOf(field)
    if (!kinds.has(name)) kinds.set(name, described?.kind ?? kindOfValue(value))
    row[name] = described === undefined ? value : described.read(value)
  }
  return row
}
