import type { Change } from '../../../model/event/change.ts'
import type { Value } from '../../../model/event/row.ts'
import { changedColumns } from '../../../model/event/changed-columns.ts'
import { eventJson, isoMicroseconds } from '../../../model/event/forms/event-json.ts'
import { isOutboxName } from '../../../model/event/posted/outbox-event.ts'
import { isPosted } from '../../../model/event/posted/posted-event.ts'
import { keyOf, keyValue } from '../../../model/event/row-key.ts'
import type { ColumnDef, TableDef } from '../../../model/table/table.ts'
import { absentColumn, notInKey, notOfEvent, unknownColumn } from '../column-errors.ts'
import { lookupValue, sagaValue } from '../fact-values.ts'
import type { SagaName } from '../fact-values.ts'
import type { SourceText } from '../source-text.ts'
import { columnsOf } from '../table-columns.ts'
import type { TemplatePath } from './template-tree.ts'
import { entry } from './template-helpers.ts'

export type Getter = (change: Change) => Value

/**
 * What a path reads: columns by name, or everything of an image. `row` is new, or old in a DELETE; `event` is what events
 * of all kinds have, in rules with `on`.
 */
export interface PathTarget {
  readonly image: 'new' | 'old' | 'row' | 'key' | 'change' | 'event' | 'lookup' | 'threshold' | 'saga'
  /** Undefined: the whole image; for `change` and `event` the name of the property, for `lookup` that of the lookup. */
  readonly name: string | undefined
  /** Path into a JSON column, or into the whole event. */
  readonly rest: readonly string[]
}

/** Properties of a change that are not columns: `{{op}}`, `{{event.op}}`. */
export const PROPERTIES: { readonly [name: string]: Getter } = {
  id: (change) => change.id,
  op: (change) => change.op,
  schema: (change) => change.table.schema,
  table: (change) => change.table.name,
  changed: (change) => changedColumns(change.table, change),
  ts: (change) => isoMicroseconds(change.transaction.timestampUs),
  gtid: (change) => change.transaction.gtid,
  position: ({ transaction }) => ({ file: transaction.file, offset: transaction.offset }),
  serverId: (change) => change.transaction.serverId,
  txId: (change) => change.transaction.id,
  seq: (change) => change.seq,
  query: (change) => change.query,
}

/** Names that stand for themselves before any column of the same name; `{{new.ts}}` reads such a column. */
export const BARE_PROPERTIES = ['op', 'schema', 'table', 'changed', 'ts', 'gtid', 'serverId', 'txId'] as const

/** Compiles a path for one table. Throws EvaluationError when it names a column that the table does not have. */
export function resolvePath(source: SourceText, path: TemplatePath, target: PathTarget, table: TableDef): Getter {
  if (target.image === 'lookup') return lookupGetter(source, target)
  if (target.image === 'saga') return inside((change) => sagaValue(change, target.name as SagaName), target.rest)
  if (isPosted(table) && isOfRow(target)) throw notOfEvent(source, path.parts.join('.'), path.offset)
  if (isPosted(table) && isOutboxField(target)) return inside(contextGetter(target.name!), target.rest)
  const whole = wholeGetter(target, table)
  if (whole !== undefined) return inside(whole, target.rest)
  const name = target.name!
  const columns = columnsOf(table)
  const column = target.image === 'key' ? columns.findKey(name) : columns.find(name)
  if (column !== undefined) return inside(columnGetter(source, path, target, column, table), target.rest)
  if (columns.isStatement) return () => null
  if (target.image === 'key') throw notInKey(source, table, name, path.offset)
  const variable = target.image === 'row' ? BARE_PROPERTIES.find((each) => sameName(each, name)) : undefined
  if (variable !== undefined) return inside(PROPERTIES[variable]!, target.rest)
  throw unknownColumn(source, table, name, path.offset)
}

function lookupGetter(source: SourceText, { name, rest: [column, ...rest] }: PathTarget): Getter {
  return inside((change) => lookupValue(change, name!, column, source), rest)
}

function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** `{{topic}}`, `{{headers.tenant}}`: what the row of an outbox says beside its payload. */
function isOutboxField({ image, name }: PathTarget): boolean {
  return image === 'row' && name !== undefined && isOutboxName(name)
}

function contextGetter(name: string): Getter {
  return (change) => entry(change.new!['context'], name)
}

/** Whether only rows have it; a bare name is one of an event's fields, or is told to be unknown. */
function isOfRow({ image, name }: PathTarget): boolean {
  if (image === 'change') return name !== undefined && name !== 'id' && name !== 'ts'
  return image === 'new' || image === 'old' || image === 'key'
}

/** A field of an event, of a row as the event that it is. */
function fieldGetter(name: string, table: TableDef): Getter {
  if (isPosted(table)) return (change) => change.new![name]
  switch (name) {
    case 'id':
    case 'type':
      return (change) => change[name]
    case 'source':
      return () => 'database'
    case 'timestamp':
      return PROPERTIES['ts']!
    case 'key':
      return (change) => keyOf(change.table, change.old, change.new)
    case 'payload':
      return (change) => ({
        new: change.new,
        old: change.old,
        key: keyOf(change.table, change.old, change.new),
        changed: changedColumns(change.table, change),
      })
    default:
      return () => null
  }
}

function wholeGetter(target: PathTarget, table: TableDef): Getter | undefined {
  const { image, name } = target
  if (image === 'event') return fieldGetter(name!, table)
  if (image === 'change') {
    if (name === undefined) return (change) => eventJson(change) as never
    return name === 'ts' && isPosted(table) ? fieldGetter('timestamp', table) : PROPERTIES[name]!
  }
  if (name !== undefined) return undefined
  switch (image) {
    case 'new':
      return (change) => change.new
    case 'old':
      return (change) => change.old
    case 'row':
      return (change) => change.new ?? change.old
    case 'key':
      return (change) => keyOf(change.table, change.old, change.new)
    case 'lookup':
    case 'saga':
      return undefined
    case 'threshold':
      return (change) => (change.facts?.threshold ?? null) as Value
  }
}

function inside(getter: Getter, rest: readonly string[]): Getter {
  if (rest.length === 0) return getter
  return (change) => rest.reduce(entry, getter(change)) ?? null
}

/**
 * Reads one column by generated code: the row classes have fixed shapes, so a property access with a constant name is
 * the fastest there is. The name enters the code as a JSON string.
 */
function columnGetter(
  source: SourceText,
  path: TemplatePath,
  target: PathTarget,
  column: ColumnDef,
  table: TableDef,
): Getter {
  const name = column.name
  const missing = (): never => {
    throw absentColumn(source, table, name, path.offset)
  }
  if (target.image === 'key') {
    return (change) => {
      const value = keyValue(name, change.old, change.new)
      return value === undefined ? missing() : value
    }
  }
  const property = JSON.stringify(name)
  const own = target.image === 'row' ? 'c.new === null ? c.old : c.new' : `c.${target.image}`
  // A bare column that the after image leaves out (MINIMAL) has not changed: the before image may have it.
  const second = target.image === 'row' ? `if (v === undefined && c.old !== null) v = c.old[${property}];` : ''
  // oxlint-disable-next-line typescript/no-implied-eval -- no text of the code comes from data
  return new Function(
    'missing',
    `return function column(c) {
      const r = ${own};
      if (r === null) return null;
      let v = r[${property}];
      ${second}
      return v === undefined ? missing() : v;
    }`,
  )(missing) as Getter
}
