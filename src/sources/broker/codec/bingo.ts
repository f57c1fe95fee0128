import type { Row, RowOp, Value } from '../../../model/event/row.ts'
import type { BrokerRecord, Decoded, Origin } from '../contract.ts'
import { postedEvent, type EventDefaults } from './event-envelope.ts'
import { invalidRecord } from './invalid.ts'
import { isMap, jsonOf, numberAt, stringAt, type JsonMap } from './json-value.ts'
import { idParts, placeIdOf } from './record-origin.ts'
import { kindOfValue, type ColumnKind, type TableShapes } from './table-shapes.ts'

const ROW_OPERATIONS: ReadonlySet<string> = new Set(['insert', 'update', 'delete'])
const STATEMENTS: ReadonlySet<string> = new Set(['truncate', 'ddl'])
const MICROS_PER_MS = 1_000

/** BinGo's own events, as its targets write them by default: of rows, of statements, and posted ones (docs/events.md). */
export class BingoCodec {
  private readonly shapes: TableShapes
  private readonly defaults: EventDefaults

  constructor(shapes: TableShapes, defaults: EventDefaults) {
    this.shapes = shapes
    this.defaults = defaults
  }

  decode(record: BrokerRecord): readonly Decoded[] {
    const value = jsonOf(record.value!, 'value')
    if (!isMap(value)) throw invalidRecord('the value is not an event of BinGo: it is not a map')
    const { events } = value
    if (!Array.isArray(events) || Object.keys(value).length > 1) return [this.event(value, record)]
    return (events as readonly Value[]).map((each) => {
      if (!isMap(each)) throw invalidRecord('an element of "events" is not a map')
      return this.event(each, record)
    })
  }

  /** One event that stands somewhere in a record. */
  event(map: JsonMap, record: BrokerRecord): Decoded {
    const { op } = map
    if (op === undefined) return postedEvent(map, record, this.defaults)
    const [schema, table] = [stringAt(map, 'schema'), stringAt(map, 'table')]
    if (typeof op !== 'string' || schema === undefined || table === undefined) {
      throw invalidRecord('the row change has no "schema" or no "table"')
    }
    const origin = originOf(map, record)
    if (STATEMENTS.has(op)) {
      const sql = origin.query ?? ''
      const tables = table === '' ? [] : [{ schema, table }]
      return { tag: 'statement', statement: { kind: op as 'truncate' | 'ddl', schema, tables, sql }, origin }
    }
    if (!ROW_OPERATIONS.has(op))
      throw invalidRecord(`the row change has the operation ${JSON.stringify(op)}, which a source does not pass on`)
    return { tag: 'row', row: this.row(op as RowOp, schema, table, map), origin }
  }

  private row(op: RowOp, schema: string, name: string, map: JsonMap) {
    const kinds = new Map<string, ColumnKind>()
    const [old, new_] = [imageOf(map, 'old', kinds), imageOf(map, 'new', kinds)]
    if ((op !== 'insert') !== (old !== null) || (op !== 'delete') !== (new_ !== null)) {
      throw invalidRecord(`the row change ${op} has "old" or "new" too much or too little`)
    }
    const key = isMap(map['key']) ? Object.keys(map['key']) : []
    const table = this.shapes.of({ schema, table: name, flavour: 'mysql', key, columns: [...kinds] })
    return { table, op, old, new: new_ }
  }
}

function imageOf(map: JsonMap, image: 'old' | 'new', kinds: Map<string, ColumnKind>): Row | null {
  const values = map[image]
  if (values === null || values === undefined) return null
  if (!isMap(values)) throw invalidRecord(`"${image}" of the row change is not a map`)
  for (const [name, value] of Object.entries(values)) {
    const kind = kindOfValue(value)
    if (kind !== 'unknown' || !kinds.has(name)) kinds.set(name, kind)
  }
  return values
}

/** The same id as where it was read first: a receiver knows it again. */
function originOf(map: JsonMap, record: BrokerRecord): Origin {
  const position = isMap(map['position']) ? map['position'] : {}
  const id = stringAt(map, 'id')
  const ms = Date.parse(stringAt(map, 'ts') ?? '')
  return {
    ...idParts(id === undefined || id === '' ? `${placeIdOf(record)}/0` : id),
    timestampUs: microsOf(stringAt(map, 'ts')) ?? (ms >= 0 ? ms : record.at) * MICROS_PER_MS,
    gtid: stringAt(map, 'gtid') ?? null,
    file: stringAt(position, 'file') ?? '',
    offset: numberAt(position, 'offset') ?? 0,
    serverId: numberAt(map, 'serverId') ?? 0,
    query: stringAt(map, 'query') ?? null,
  }
}

/** `2026-11-20T10:00:00.123456Z`: a Date has milliseconds only. */
function microsOf(text = ''): number | undefined {
  const found = /^(.+T[\d:]+)\.(\d{6})Z$/.exec(text)
  const ms = found === null ? Number.NaN : Date.parse(`${found[1]}Z`)
  return ms >= 0 ? ms * MICROS_PER_MS + Number(found![2]) : undefined
}
