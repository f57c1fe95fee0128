import { changedColumns, columnChanged } from '../changed-columns.ts'
import type { Change, ChangeEvent, Transaction } from '../change.ts'
import type { Row } from '../row.ts'
import { flatText } from './flat-text.ts'
import { isPosted } from '../posted/posted-event.ts'
import { keyOf, keyValue } from '../row-key.ts'
import type { TableDef } from '../../table/table.ts'

/** `2026-11-20T10:00:00.123456Z` from microseconds since 1970. */
export function isoMicroseconds(timestampUs: number): string {
  const ms = Math.floor(timestampUs / 1000)
  const micros = timestampUs - ms * 1000
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}

/** The change event as people see it. Shows the columns that the change holds: all of them when a whole row was read. */
export function toChangeEvent(change: Change): ChangeEvent {
  const { transaction, table } = change
  const threshold = change.facts?.threshold
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
    ...(threshold !== undefined && { threshold }),
  }
}

/** An event as people see it: that of a row, or what was posted. */
export function eventJson(change: Change): ChangeEvent | Row {
  return isPosted(change.table) ? change.new! : toChangeEvent(change)
}

/** What JSON has to escape, lone surrogates included (well-formed JSON.stringify). */
const NEEDS_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/

/** JSON.stringify for one string; most need no escape, and finding that out is cheaper than a call into the engine. */
function stringifyText(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`
}

/**
 * Serialises any value the way events are: bigints as decimal strings, undefined map entries left out, everything else
 * as JSON.stringify does (lone surrogates escaped).
 */
export function stringifyValue(value: unknown): string {
  return typeof value === 'object' && value !== null ? flatText(textOf(value)) : textOf(value)
}

/**
 * `stringifyValue` for values that come again and again from one place. The engine's own serialiser is several times
 * faster, but knows no bigints: the first one ends its use.
 */
class JsonWriter {
  private native = true

  write(value: object): string {
    if (this.native) {
      try {
        return JSON.stringify(value)
      } catch {
        this.native = false
      }
    }
    return stringifyValue(value)
  }
}

function textOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return stringifyText(value)
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null'
    case 'boolean':
      return value ? 'true' : 'false'
    case 'bigint':
      return `"${value}"`
    case 'object':
      if (value === null) return 'null'
      return Array.isArray(value) ? `[${value.map(textOf).join(',')}]` : stringifyMap(value)
    default:
      return 'null'
  }
}

function stringifyMap(map: object): string {
  let text = ''
  for (const [key, value] of Object.entries(map)) {
    if (value !== undefined) text += `${text === '' ? '' : ','}${stringifyText(key)}:${textOf(value)}`
  }
  return `{${text}}`
}

/** What is the same in every event of a table. */
interface TableJson {
  readonly names: readonly string[]
  /** `"column"` and `"column":` */
  readonly quoted: readonly string[]
  readonly labels: readonly string[]
  readonly rows: JsonWriter
  readonly key: readonly number[]
  readonly head: string
}
const tableJson = new WeakMap<TableDef, TableJson>()

function jsonOf(table: TableDef): TableJson {
  let json = tableJson.get(table)
  if (json === undefined) {
    const quoted = table.columns.map((column) => JSON.stringify(column.name))
    json = {
      names: table.columns.map((column) => column.name),
      quoted,
      labels: quoted.map((name) => `${name}:`),
      rows: new JsonWriter(),
      key: table.key,
      head: `","schema":${JSON.stringify(table.schema)},"table":${JSON.stringify(table.name)},"key":`,
    }
    tableJson.set(table, json)
  }
  return json
}

function stringifyKey({ key, names, labels }: TableJson, old: Row | null, new_: Row | null): string {
  if (key.length === 0) return 'null'
  let text = '{'
  for (const index of key) {
    const value = keyValue(names[index]!, old, new_)
    if (value === undefined) continue
    if (text.length > 1) text += ','
    text += labels[index]! + textOf(value)
  }
  return `${text}}`
}

function stringifyChanged({ names, quoted }: TableJson, old: Row | null, new_: Row | null): string {
  let text = ''
  for (let i = 0; i < names.length; i++) {
    if (columnChanged(names[i]!, old, new_)) text += text === '' ? quoted[i]! : `,${quoted[i]!}`
  }
  return text
}

/** What is the same in every event of a transaction; the last one asked for, as events come in that order. */
let lastTransaction: Transaction | null = null
let lastId = ''
let lastOrigin = ''

function prepareTransaction(transaction: Transaction): void {
  lastTransaction = transaction
  lastId = JSON.stringify(transaction.id).slice(1, -1)
  lastOrigin =
    `],"ts":"${isoMicroseconds(transaction.timestampUs)}","gtid":${stringifyValue(transaction.gtid)}` +
    `,"position":{"file":${JSON.stringify(transaction.file)},"offset":${transaction.offset}}` +
    `,"serverId":${transaction.serverId},"txId":"${lastId}","seq":`
}

/** The event as one line of JSON: the same as `stringifyValue(eventJson(change))`, without the detour. */
export function stringifyEvent(change: Change): string {
  const { old, new: new_, seq, query } = change
  if (change.op === 'event') return stringifyValue(new_)
  if (change.transaction !== lastTransaction) prepareTransaction(change.transaction)
  const json = jsonOf(change.table)
  const threshold = change.facts?.threshold
  return flatText(
    `{"id":"${lastId}/${seq}","op":"${change.op}${json.head}${stringifyKey(json, old, new_)}` +
      `,"old":${old === null ? 'null' : json.rows.write(old)},"new":${new_ === null ? 'null' : json.rows.write(new_)}` +
      `,"changed":[${stringifyChanged(json, old, new_)}${lastOrigin}${seq}` +
      `,"query":${query === null ? 'null' : stringifyText(query)}` +
      `${threshold === undefined ? '' : `,"threshold":${stringifyMap(threshold)}`}}`,
  )
}
