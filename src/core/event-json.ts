import { changedColumns } from './changed-columns.ts'
import type { Change, ChangeEvent, Row, Value } from './change.ts'
import { keyOf } from './row-key.ts'
import type { TableDef } from './table.ts'

/** `2026-11-20T10:00:00.123456Z` from microseconds since 1970. */
export function isoMicroseconds(timestampUs: number): string {
  const ms = Math.floor(timestampUs / 1000)
  const micros = timestampUs - ms * 1000
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}

/** The change event as people see it. Shows the columns that the change holds: all of them when a whole row was read. */
export function toChangeEvent(change: Change): ChangeEvent {
  const { transaction, table } = change
  return {
    id: change.id,
    op: change.op,
    schema: table.schema,
    table: table.name,
    key: keyOf(table, change.old, change.new),
    old: change.old,
    new: change.new,
    changed: changedColumns(table, change),
    ts: isoMicroseconds(transaction.timestampUs),
    gtid: transaction.gtid,
    position: { file: transaction.file, offset: transaction.offset },
    serverId: transaction.serverId,
    txId: transaction.id,
    seq: change.seq,
    query: change.query,
  }
}

/**
 * Serialises any value the way events are: bigints as decimal strings, undefined map entries left out, everything else
 * as JSON.stringify does (lone surrogates escaped).
 */
export function stringifyValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null'
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return `"${value}"`
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? `[${value.map(stringifyValue).join(',')}]` : stringifyMap(value)
    default:
      return 'null'
  }
}

function stringifyMap(map: object): string {
  let text = ''
  for (const [key, value] of Object.entries(map)) {
    if (value !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${stringifyValue(value)}`
  }
  return `{${text}}`
}

/** Per table: `"column":` texts, and the part of the event that never changes. */
interface TableJson {
  readonly names: readonly string[]
  readonly labels: readonly string[]
  readonly head: string
}
const tableJson = new WeakMap<TableDef, TableJson>()

function jsonOf(table: TableDef): TableJson {
  let json = tableJson.get(table)
  if (json === undefined) {
    json = {
      names: table.columns.map((column) => column.name),
      labels: table.columns.map((column) => `${JSON.stringify(column.name)}:`),
      head: `","schema":${JSON.stringify(table.schema)},"table":${JSON.stringify(table.name)},"key":`,
    }
    tableJson.set(table, json)
  }
  return json
}

function stringifyRow(json: TableJson, row: Row | null): string {
  if (row === null) return 'null'
  let text = ''
  for (let i = 0; i < json.names.length; i++) {
    const value: Value = row[json.names[i]!]
    if (value !== undefined) text += `${text === '' ? '' : ','}${json.labels[i]!}${stringifyValue(value)}`
  }
  return `{${text}}`
}

/** The event as one line of JSON: the same as `stringifyValue(toChangeEvent(change))`, without the detour. */
export function stringifyEvent(change: Change): string {
  const { transaction, table } = change
  const json = jsonOf(table)
  return (
    `{"id":${JSON.stringify(change.id)},"op":"${change.op}${json.head}` +
    `${stringifyValue(keyOf(table, change.old, change.new))},"old":${stringifyRow(json, change.old)}` +
    `,"new":${stringifyRow(json, change.new)},"changed":${JSON.stringify(changedColumns(table, change))}` +
    `,"ts":"${isoMicroseconds(transaction.timestampUs)}","gtid":${stringifyValue(transaction.gtid)}` +
    `,"position":{"file":${JSON.stringify(transaction.file)},"offset":${transaction.offset}}` +
    `,"serverId":${transaction.serverId},"txId":${JSON.stringify(transaction.id)},"seq":${change.seq}` +
    `,"query":${stringifyValue(change.query)}}`
  )
}
