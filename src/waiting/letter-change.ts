import { Change, withFacts } from '../model/event/change.ts'
import type { Row, Value } from '../model/event/row.ts'
import { withBigints } from '../model/event/forms/bigint-paths.ts'
import { isPosted } from '../model/event/posted/posted-event.ts'
import { ColumnType } from '../model/table/column-type.ts'
import type { DeadLetter } from '../model/delivery/dead-letter.ts'
import type { ColumnDef, TableDef, ValueKind } from '../model/table/table.ts'
import { sampleChange } from '../rules/samples/sample-change.ts'

/** A column type whose values look as values of this kind do. */
const TYPES: Readonly<Record<ValueKind, number>> = {
  int: ColumnType.LONGLONG,
  uint64: ColumnType.LONGLONG,
  float: ColumnType.DOUBLE,
  string: ColumnType.VARCHAR,
  json: ColumnType.JSON,
  set: ColumnType.SET,
  geometry: ColumnType.GEOMETRY,
  vector: ColumnType.VECTOR,
}

/** The change that a dead letter keeps, as the daemon saw it where the letter says of what kind its columns are. */
export function letterChange({ event, columns, bigints = [] }: DeadLetter): Change {
  const change = sampleChange({ ...event, new: withBigints(event.new, bigints) as Row | null })
  if (columns === undefined || columns.length === 0 || isPosted(change.table)) return change
  const kinds = new Map(columns)
  const names = columns.map(([name]) => name)
  const key = event.key === null ? [] : Object.keys(event.key).map((name) => names.indexOf(name))
  const table: TableDef = { ...change.table, columns: columns.map(columnOf), key }
  const [old, new_] = [exactRow(change.old, kinds), exactRow(change.new, kinds)]
  const exact = new Change(table, change.op, change.transaction, change.seq, old, new_, change.query)
  return change.facts === null ? exact : withFacts(exact, change.facts)
}

export function columnOf([name, kind]: readonly [string, ValueKind]): ColumnDef {
  const unsigned = kind === 'uint64'
  return { name, type: TYPES[kind], meta: 0, nullable: true, unsigned, collation: 0, visible: true }
}

export function exactRow(row: Row | null, kinds: ReadonlyMap<string, ValueKind>): Row | null {
  if (row === null) return null
  const exact = Object.create(null) as { [column: string]: Value }
  for (const [name, value] of Object.entries(row)) exact[name] = exactValue(value, kinds.get(name))
  return exact
}

/** Integers beyond 2^53 are decimal strings in JSON. */
export function exactValue(value: Value, kind: ValueKind | undefined): Value {
  const integer = kind === 'int' || kind === 'uint64'
  return integer && typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : value
}
