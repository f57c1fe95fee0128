import type { Row, RowOp, Value } from '../../../model/event/row.ts'
import type { Flavour } from '../../../model/table/table.ts'
import type { BrokerRecord, Decoded, DecodedStatement, Origin } from '../contract.ts'
import { keyRow, recordKey, type FieldOf } from './debezium-key.ts'
import { debeziumField } from './debezium-values.ts'
import { jsonEvent, type EventDefaults } from './event-envelope.ts'
import { invalidRecord } from './invalid.ts'
import { isMap, jsonOf, listOfMaps, numberAt, stringAt, type JsonMap } from './json-value.ts'
import { eventIdOf, idParts, placeIdOf } from './record-origin.ts'
import { kindOfValue, type ColumnKind, type TableShapes } from './table-shapes.ts'

const OPERATIONS: { readonly [op: string]: RowOp } = { c: 'insert', r: 'insert', u: 'update', d: 'delete' }
/** What connectors write for a large value that did not change and is not in the log (PostgreSQL's TOAST). */
const UNAVAILABLE = '__debezium_unavailable_value'
const UNAVAILABLE_BASE64 = Buffer.from(UNAVAILABLE).toString('base64')
const [MICROS_PER_MS, NANOS_PER_MICRO] = [1_000, 1_000]

/** An envelope, with what its schema says of its fields; undefined: it came without one. */
interface Envelope {
  readonly map: JsonMap
  readonly fields: ReadonlyMap<string, readonly JsonMap[]> | undefined
}

/**
 * Events of Debezium's connectors, as their JSON converter writes them with and without schemas (debezium.io, "Data change
 * events"). What is no change (heartbeats, transaction boundaries) answers nothing.
 */
export class DebeziumCodec {
  private readonly shapes: TableShapes
  private readonly defaults: EventDefaults

  constructor(shapes: TableShapes, defaults: EventDefaults) {
    this.shapes = shapes
    this.defaults = defaults
  }

  decode(record: BrokerRecord): readonly Decoded[] {
    const value = jsonOf(record.value!, 'value')
    if (!isMap(value)) throw invalidRecord('the value is not an envelope of Debezium: it is not a map')
    const envelope = envelopeOf(value)
    const op = envelope.map['op']
    if (op === undefined) return withoutOperation(envelope.map, record)
    if (op === 'm') return [messageOf(envelope.map, record, this.defaults)]
    const source = envelope.map['source']
    if (!isMap(source)) throw invalidRecord('the envelope of Debezium has no source')
    if (op === 't') {
      const statement = truncateOf(source)
      return [{ tag: 'statement', statement, origin: originOf(record, envelope.map, source) }]
    }
    const operation = typeof op === 'string' && Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined
    if (operation === undefined)
      throw invalidRecord(`the envelope of Debezium has the unknown operation ${JSON.stringify(op)}`)
    return [this.row(operation, envelope, source, record)]
  }

  private row(op: RowOp, envelope: Envelope, source: JsonMap, record: BrokerRecord): Decoded {
    const key = recordKey(record)
    const connector = stringAt(source, 'connector') ?? ''
    const flavour: Flavour = connector === 'mariadb' ? 'mariadb' : 'mysql'
    const isMysql = connector === 'mysql' || connector === 'mariadb'
    const kinds = new Map<string, ColumnKind>()
    const fieldOf: FieldOf = (field) => debeziumField(field, flavour, isMysql)
    const read = (image: 'before' | 'after'): Row | null => imageOf(envelope, image, kinds, fieldOf)
    const [before, after] = [op === 'insert' ? null : read('before'), op === 'delete' ? null : read('after')]
    if (op !== 'delete' && after === null) throw invalidRecord(`the envelope of Debezium has no "after" for ${op}`)
    // A table of PostgreSQL without REPLICA IDENTITY FULL tells the key alone.
    const old = op === 'insert' ? null : (before ?? keyRow(key, kinds, fieldOf))
    if (op === 'delete' && old === null)
      throw invalidRecord('the envelope of Debezium has no "before" for a DELETE, nor a key')
    const [schema, name] = tableOf(source)
    const table = this.shapes.of({ schema, table: name, flavour, key: key?.names ?? [], columns: [...kinds] })
    const origin = originOf(record, envelope.map, source)
    const known = old ?? (op === 'update' ? (Object.create(null) as Row) : null)
    return { tag: 'row', row: { table, op, old: known, new: after }, origin }
  }
}

function envelopeOf(value: JsonMap): Envelope {
  const { schema, payload } = value
  if (schema === undefined || payload === undefined) return { map: value, fields: undefined }
  if (!isMap(payload)) throw invalidRecord('the payload of the envelope of Debezium is not a map')
  if (!isMap(schema)) return { map: payload, fields: undefined }
  const fields = new Map<string, readonly JsonMap[]>()
  for (const each of listOfMaps(schema['fields'])) {
    const name = stringAt(each, 'field')
    if (name !== undefined) fields.set(name, listOfMaps(each['fields']))
  }
  return { map: payload, fields }
}

/** `kinds` gets those of the columns. */
function imageOf(
  { map, fields }: Envelope,
  image: 'before' | 'after',
  kinds: Map<string, ColumnKind>,
  fieldOf: FieldOf,
): Row | null {
  const values = map[image]
  if (values === null || values === undefined) return null
  if (!isMap(values)) throw invalidRecord(`"${image}" of the envelope of Debezium is not a map`)
  const row = Object.create(null) as { [column: string]: Value }
  const columns = fields?.get(image)
  if (columns !== undefined && columns.length > 0) {
    for (const field of columns) {
      const name = stringAt(field, 'field')
      if (name === undefined || !(name in values)) continue
      const described = fieldOf(field)
      kinds.set(name, described.kind)
      if (!isUnavailable(values[name])) row[name] = described.read(values[name])
    }
    return row
  }
  for (const [name, value] of Object.entries(values)) {
    if (isUnavailable(value)) continue
    const kind = kindOfValue(value)
    if (kind !== 'unknown' || !kinds.has(name)) kinds.set(name, kind)
    row[name] = value
  }
  return row
}

function isUnavailable(value: Value): boolean {
  return value === UNAVAILABLE || value === UNAVAILABLE_BASE64
}

/** As rules name it. A database with schemas of its own (PostgreSQL, SQL Server, Oracle) has them before its tables. */
function tableOf(source: JsonMap): readonly [schema: string, table: string] {
  const schema = stringAt(source, 'schema') ?? stringAt(source, 'db')
  const table = stringAt(source, 'table') ?? stringAt(source, 'collection')
  if (schema === undefined || table === undefined || table === '') {
    throw invalidRecord('the source of the envelope of Debezium names no table')
  }
  return [schema, table]
}

function truncateOf(source: JsonMap): DecodedStatement {
  const [schema, table] = tableOf(source)
  const sql = stringAt(source, 'query') ?? `TRUNCATE TABLE \`${schema}\`.\`${table}\``
  return { kind: 'truncate', schema, tables: [{ schema, table }], sql }
}

function originOf(record: BrokerRecord, envelope: JsonMap, source: JsonMap): Origin {
  return {
    ...idParts(record.headers.get('bingo-event-id') ?? `${placeIdOf(record)}/0`),
    timestampUs: microsOf(source) ?? microsOf(envelope) ?? record.at * MICROS_PER_MS,
    gtid: stringAt(source, 'gtid') ?? null,
    file: stringAt(source, 'file') ?? '',
    offset: numberAt(source, 'pos') ?? 0,
    serverId: numberAt(source, 'server_id') ?? 0,
    query: stringAt(source, 'query') ?? null,
  }
}

/** The most exact of the times that are there. */
function microsOf(map: JsonMap): number | undefined {
  const [micros, ms] = [numberAt(map, 'ts_us'), numberAt(map, 'ts_ms')]
  if (micros !== undefined && micros > 0) return micros
  const nanos = map['ts_ns']
  if (typeof nanos === 'bigint') return Number(nanos / BigInt(NANOS_PER_MICRO))
  return ms === undefined || ms <= 0 ? undefined : ms * MICROS_PER_MS
}

/** Messages beside changes: heartbeats and transaction boundaries say nothing, schema changes are statements. */
function withoutOperation(map: JsonMap, record: BrokerRecord): readonly Decoded[] {
  const ddl = stringAt(map, 'ddl')
  const source = map['source']
  if (ddl !== undefined && isMap(source)) return [schemaChange(ddl, map, source, record)]
  const names = Object.keys(map)
  if (names.every((name) => HEARTBEAT.has(name))) return []
  if (map['status'] !== undefined && map['id'] !== undefined && map['event_count'] !== undefined) return []
  throw invalidRecord(
    'the value is not an envelope of Debezium: it has no "op"',
    'where the connector unwraps rows (ExtractNewRecordState), read the topic with `format: json`',
  )
}

const HEARTBEAT: ReadonlySet<string> = new Set(['ts_ms', 'ts_us', 'ts_ns', 'databaseName'])

function schemaChange(ddl: string, map: JsonMap, source: JsonMap, record: BrokerRecord): Decoded {
  const schema = stringAt(map, 'databaseName') ?? stringAt(source, 'db') ?? ''
  const tables = listOfMaps(map['tableChanges']).flatMap((change) => {
    const parts = [...(stringAt(change, 'id') ?? '').matchAll(/"((?:[^"]|"")*)"/g)].map(([, name]) => name!)
    const table = parts.at(-1)
    return table === undefined ? [] : [{ schema: parts.at(-2) ?? schema, table }]
  })
  const statement: DecodedStatement = { kind: 'ddl', schema, tables, sql: ddl }
  return { tag: 'statement', statement, origin: originOf(record, map, source) }
}

/** What was written to a log without a table. BinGo writes posted events so: their type is the prefix. */
function messageOf(map: JsonMap, record: BrokerRecord, defaults: EventDefaults): Decoded {
  const message = map['message']
  const type = isMap(message) ? stringAt(message, 'prefix') : undefined
  const content = isMap(message) ? stringAt(message, 'content') : undefined
  if (type === undefined || content === undefined)
    throw invalidRecord('a message of Debezium has no prefix or no content')
  const source = isMap(map['source']) ? map['source'] : {}
  const isOwn = stringAt(source, 'connector') === 'bingo'
  const bytes = Buffer.from(content, 'base64')
  const { timestampUs } = originOf(record, map, source)
  return jsonEvent(record, defaults, {
    id: eventIdOf(record),
    type,
    payload: payloadOf(bytes),
    timestamp: Math.floor(timestampUs / MICROS_PER_MS),
    ...(isOwn && { source: stringAt(source, 'name'), environment: stringAt(source, 'db') }),
  })
}

/** Anything may be in there. */
function payloadOf(bytes: Buffer): Value {
  try {
    return jsonOf(bytes, 'content')
  } catch {
    return bytes.toString('base64')
  }
}
