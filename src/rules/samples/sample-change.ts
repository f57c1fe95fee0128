import { Change, type ChangeEvent } from '../../model/event/change.ts'
import type { Operation, Row, Value } from '../../model/event/row.ts'
import type { EventSchemas } from '../../model/event/posted/event-schemas.ts'
import { BingoError } from '../../model/errors.ts'
import { nearestName } from '../../model/nearest-name.ts'
import type { ColumnDef, TableDef } from '../../model/table/table.ts'
import { withSampleFacts } from './sample-facts.ts'
import { isPostedSample, samplePosted } from './sample-event.ts'
import { typedRow } from './typed-row.ts'
import { splitTableName } from '../table-pattern.ts'
import { isMap } from '../../model/json/shape.ts'

/** An event as people write or keep it; of a row everything but operation, table and rows may be left out. */
export type SampleEvent = Partial<Omit<ChangeEvent, 'key'>> & { readonly key?: unknown; readonly lookup?: unknown }

const OPERATIONS: readonly Operation[] = ['insert', 'update', 'delete', 'truncate', 'ddl', 'gap']
const VARCHAR = 15
const BIGINT = 8
const DOUBLE = 5
const JSON_TYPE = 245

/**
 * The change that a JSON event stands for, with a table made of the columns that it shows: whole numbers are BIGINT,
 * other numbers DOUBLE, maps and lists JSON, everything else text. Where `tables` are known, the table is that of the event,
 * and the values must be what its columns can hold; the same of posted events by `schemas`. Throws BINGO_EVENT_INVALID.
 */
export function sampleChange(
  event: SampleEvent,
  tables?: readonly TableDef[],
  /** What payloads have to look like. */
  schemas?: EventSchemas,
): Change {
  requireSample(event)
  if (isPostedSample(event)) return samplePosted(event, schemas)
  requireFields(event)
  const op = typeof event.op === 'string' ? (event.op.toLowerCase() as Operation) : undefined
  if (op === undefined || !OPERATIONS.includes(op)) {
    throw invalid(
      `${JSON.stringify(event.op)} is not a valid op`,
      'Write insert, update, delete, truncate, ddl or gap.',
    )
  }
  const [schema, name] = tableName(event, op)
  const ofRow = isOfRow(op) || op === 'gap'
  const hasOld = op === 'update' || op === 'delete'
  const known = ofRow && op !== 'gap' ? tables && knownTable(tables, event, schema, name) : undefined
  const old = hasOld ? rowOf(event.old, 'old', known) : null
  const new_ = ofRow && op !== 'delete' ? rowOf(event.new, 'new', known) : null
  if (hasOld && old === null) throw invalid(`${op} needs "old"`, 'Add the row before the change.')
  if (ofRow && op !== 'delete' && new_ === null) throw invalid(`${op} needs "new"`, 'Add the row after the change.')
  const table = known ?? tableOf(schema, name, ofRow ? event.key : undefined, [new_, old])
  const transaction = {
    id: event.txId ?? event.id?.replace(/\/\d+$/, '') ?? 'sample',
    gtid: event.gtid ?? null,
    file: event.position?.file ?? '',
    offset: event.position?.offset ?? 0,
    serverId: event.serverId ?? 0,
    timestampUs: microseconds(event.ts),
    query: event.query ?? null,
  }
  const change = new Change(table, op, transaction, event.seq ?? 0, old, new_, event.query ?? null)
  return withSampleFacts(change, event)
}

/** JSON that is no map: a line of a file may be anything. */
function requireSample(event: unknown): void {
  if (isMap(event)) return
  throw invalid('it is not a map', 'Write for example {op: insert, table: shop.users, new: {id: 1}}.')
}

/** What may be left out, but not be something else. */
const FIELDS: Readonly<Partial<Record<keyof SampleEvent, readonly ['text' | 'number', canBeNull?: true]>>> = {
  id: ['text'],
  schema: ['text'],
  table: ['text'],
  ts: ['text'],
  gtid: ['text', true],
  serverId: ['number'],
  txId: ['text'],
  seq: ['number'],
  query: ['text', true],
}

function requireFields(event: SampleEvent): void {
  for (const [name, [kind, canBeNull]] of Object.entries(FIELDS)) {
    const value = event[name as keyof SampleEvent]
    if (value === undefined || (canBeNull && value === null)) continue
    if (typeof value === (kind === 'text' ? 'string' : 'number')) continue
    throw invalid(
      `"${name}" must be a ${kind}`,
      kind === 'text' ? 'Put quotes around it.' : 'Write it without quotes, or leave it out.',
    )
  }
  const { position } = event
  if (position === undefined) return
  const { file, offset } = isMap(position) ? position : {}
  if (typeof file === 'string' && typeof offset === 'number') return
  throw invalid('"position" must have a file and an offset', 'Write {file: binlog.000001, offset: 4}, or leave it out.')
}

/** Since 1970, of an ISO 8601 time with up to six fraction digits; Date keeps three of them. 0 where there is none. */
function microseconds(time: string | undefined): number {
  const ms = Date.parse(time ?? '')
  if (Number.isNaN(ms)) return 0
  const beyond = /\.\d{3}(\d{1,3})/.exec(time!)?.[1] ?? ''
  return ms * 1_000 + Number(beyond.padEnd(3, '0'))
}

function isOfRow(op: Operation): boolean {
  return op === 'insert' || op === 'update' || op === 'delete'
}

/** `table: shop.users` does for `schema: shop, table: users`. A gap has no table, nor has a statement whose tables are unknown. */
function tableName({ schema, table }: SampleEvent, op: Operation): readonly [string, string] {
  if (!isOfRow(op) && (table === undefined || table === '')) return [schema ?? '', '']
  if (typeof table !== 'string' || table === '') throw invalid('"table" is missing', 'Write for example shop.users.')
  if (schema !== undefined) return [schema, table]
  const [named = 'test', name] = splitTableName(table)
  return [named, name]
}

/** The table that the event names; a name without a database is enough where only one has it. */
function knownTable(tables: readonly TableDef[], event: SampleEvent, schema: string, name: string): TableDef {
  const qualified = event.schema !== undefined || event.table?.includes('.') === true
  const found = tables.filter((table) => table.name === name && (!qualified || table.schema === schema))
  if (found.length === 1) return found[0]!
  const names = tables.map((table) => (qualified ? `${table.schema}.${table.name}` : table.name))
  const nearest = nearestName(qualified ? `${schema}.${name}` : name, names)
  const message = `the schema has ${found.length === 0 ? 'no' : 'several tables'} "${qualified ? `${schema}.${name}` : name}"`
  throw invalid(message, nearest === undefined ? 'Write database.table.' : `Did you mean "${nearest}"?`)
}

function rowOf(value: unknown, name: 'old' | 'new', table: TableDef | undefined): Row | null {
  if (value === undefined || value === null) return null
  if (!isMap(value)) throw invalid(`"${name}" must be a map`, 'Write columns and values.')
  const row = Object.assign(Object.create(null) as Row, value)
  return table === undefined ? row : typedRow(row, table, name)
}

function tableOf(schema: string, name: string, key: unknown, rows: readonly (Row | null)[]): TableDef {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row ?? {})))]
  const columns = names.map((column) =>
    columnOf(
      column,
      rows.map((row) => row?.[column]),
    ),
  )
  return { schema, name, columns, key: keyColumns(key, names).map((column) => names.indexOf(column)), flavour: 'mysql' }
}

/** The key as an event has it (null: none), a list of names, or nothing: then a column called id. */
function keyColumns(key: unknown, names: readonly string[]): readonly string[] {
  if (key === null) return []
  const wanted = namesIn(key)
  if (wanted.length === 0) return names.filter((name) => name.toLowerCase() === 'id').slice(0, 1)
  const missing = wanted.find((name) => !names.includes(name))
  if (missing !== undefined)
    throw invalid(`the key has the column "${missing}", which the rows do not have`, 'Add the column to the rows.')
  return wanted
}

function namesIn(key: unknown): readonly string[] {
  if (key === undefined) return []
  if (isMap(key)) return Object.keys(key)
  if (Array.isArray(key) && key.every((name) => typeof name === 'string')) return key
  throw invalid('"key" must be a map or a list of columns', 'Write for example [id].')
}

function columnOf(name: string, values: readonly Value[]): ColumnDef {
  return { name, type: typeOf(values), meta: 0, nullable: true, unsigned: false, collation: 0, visible: true }
}

function typeOf(values: readonly Value[]): number {
  const known = values.filter((value) => value !== null && value !== undefined)
  if (known.length === 0) return VARCHAR
  if (known.every((value) => typeof value === 'bigint' || Number.isInteger(value))) return BIGINT
  if (known.every((value) => typeof value === 'number')) return DOUBLE
  return known.some((value) => typeof value === 'object' || typeof value === 'boolean') ? JSON_TYPE : VARCHAR
}

function invalid(message: string, hint: string): BingoError {
  return new BingoError('BINGO_EVENT_INVALID', `the event is not valid: ${message}`, { hint })
}
