import type { Change } from '../../model/event/change.ts'
import type { Value } from '../../model/event/row.ts'
import { debeziumKey } from '../../model/event/forms/debezium-event.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import { isPosted } from '../../model/event/posted/posted-event.ts'
import { keyOf, keyValue } from '../../model/event/row-key.ts'
import type { ColumnReads } from '../../model/rule/expression.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { Piece } from './piece.ts'

/** Of a posted event its key, else its id: events without a key have no order. */
function postedKey(change: Change): string {
  return change.key ?? change.id
}

/**
 * What keeps the events of a row together at a broker: the value of the primary key, as JSON array where it has several
 * columns. Rows of a table without a key share `schema.table`, as they share a lane (invariant 2).
 */
export const eventKey: Piece<string> = {
  reads: (table: TableDef): ColumnReads => {
    const columns = new Set(table.key.map((index) => table.columns[index]!.name))
    return { new: columns, old: columns }
  },
  bind: (table: TableDef) => (isPosted(table) ? postedKey : rowKeyOf(table)),
}

function rowKeyOf(table: TableDef): (change: Change) => string {
  if (table.key.length === 0) {
    const name = `${table.schema}.${table.name}`
    return () => name
  }
  if (table.key.length > 1) return (change) => stringifyValue(Object.values(keyOf(table, change.old, change.new)!))
  const { name } = table.columns[table.key[0]!]!
  return (change) => keyText(keyValue(name, change.old, change.new))
}

function keyText(value: Value): string {
  if (typeof value === 'string') return value
  // What JSON has no word for stands in a list, which has one for it.
  if (value === undefined) return stringifyValue([value])
  return typeof value === 'number' || typeof value === 'bigint' ? `${value}` : stringifyValue(value)
}

/** As Debezium has it: the primary key as a map, so that tools made for its topics can read records. */
export const debeziumEventKey: Piece<string> = {
  reads: (table) => eventKey.reads(table),
  bind: (table) => (isPosted(table) ? postedKey : (change) => debeziumKey(change) ?? `${table.schema}.${table.name}`),
}
