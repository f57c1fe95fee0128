import { type ThresholdFact } from '../model/event/facts.ts'
import { Change, type Transaction, withFacts } from '../model/event/change.ts'
import { type Operation, OPERATIONS, type Row, type Value } from '../model/event/row.ts'
import { stringifyValue } from '../model/event/forms/event-json.ts'
import { rowClass } from '../model/event/row-class.ts'
import { anyOf, list, map, number, oneOf, orNull, text, timeUs, tupleOf } from '../model/json/shape.ts'
import { readStored } from '../model/json/stored.ts'
import type { WaitingShape } from '../model/delivery/waiting.ts'
import type { TableDef } from '../model/table/table.ts'
import { columnOf, exactRow, exactValue } from './letter-change.ts'

/** All columns in the order of the table, or those that the change holds, by name. */
export type KeptRow = readonly Value[] | Row | null
export const KEPT_ROW = anyOf(list, orNull(map))

/** What tells one change of a table from another; the rest stands in the shape. A JSON array: names would be most of it. */
type KeptChange = readonly [
  op: Operation,
  seq: number,
  old: KeptRow,
  new_: KeptRow,
  query: string | null,
  threshold: ThresholdFact | null,
  txId: string,
  /** 0: the `txId`. */
  gtid: string | null | 0,
  file: string,
  offset: number,
  serverId: number,
  timestampUs: number,
]

const CHANGE = tupleOf(
  oneOf(...OPERATIONS),
  number,
  KEPT_ROW,
  KEPT_ROW,
  orNull(text),
  orNull(map),
  text,
  (value) => (value === 0 || value === null ? null : text(value)),
  text,
  number,
  number,
  timeUs,
)

/** Of the transaction asked for last. */
let lastTransaction: Transaction | null = null
let lastText = ''

/** What is the same in the changes of one transaction, which come one after the other. */
function transactionText(transaction: Transaction): string {
  if (transaction !== lastTransaction) {
    const { id, gtid, file, offset, serverId, timestampUs } = transaction
    lastText = JSON.stringify([id, gtid === id ? 0 : gtid, file, offset, serverId, timestampUs]).slice(1)
    lastTransaction = transaction
  }
  return lastText
}

/** A row change as it waits. `query`: as much of its statement as is kept. */
export function rowText({ table, op, transaction, seq, old, new: new_, facts }: Change, query: string | null): string {
  const rest = query === null ? 'null' : JSON.stringify(query)
  const threshold = facts?.threshold === undefined ? 'null' : JSON.stringify(facts.threshold)
  const rows = `${keptRow(table, old)},${keptRow(table, new_)}`
  return `["${op}",${seq},${rows},${rest},${threshold},${transactionText(transaction)}`
}

/** Tables with integers that the engine's own serialiser, which is several times faster, does not know. */
const withBigints = new WeakSet<TableDef>()

function keptRow(table: TableDef, row: Row | null): string {
  if (row === null) return 'null'
  const kept = valuesOf(table, row) ?? row
  if (!withBigints.has(table)) {
    try {
      return JSON.stringify(kept)
    } catch {
      withBigints.add(table)
    }
  }
  return stringifyValue(kept)
}

/** Null where the change does not hold every column; statements and gaps are of tables without any. */
function valuesOf({ columns }: TableDef, row: Row): Value[] | null {
  if (columns.length === 0) return null
  const values: Value[] = []
  for (const { name } of columns) {
    const value = row[name]
    if (value === undefined) return null
    values.push(value)
  }
  return values
}

/** A table as the records of one shape know it. */
export interface KeptTable {
  readonly table: TableDef
  /** The row of JSON, with integers of any size. */
  readonly row: (kept: KeptRow) => Row | null
}

const tables = new WeakMap<WaitingShape, KeptTable>()

export function keptTable(shape: WaitingShape): KeptTable {
  let kept = tables.get(shape)
  if (kept === undefined) {
    const { schema, table: name, columns } = shape
    const key = shape.key.map((column) => columns.findIndex(([each]) => each === column))
    const table: TableDef = { schema, name, columns: columns.map(columnOf), key, flavour: 'mysql' }
    const kinds = new Map(columns)
    const fromValues = rowMaker(columns)
    const row = (found: KeptRow): Row | null =>
      Array.isArray(found) ? fromValues(found as Value[]) : exactRow(found as Row | null, kinds)
    tables.set(shape, (kept = { table, row }))
  }
  return kept
}

function rowMaker(columns: WaitingShape['columns']): (values: Value[]) => Row {
  const TableRow = rowClass(columns.map(([name]) => name))
  const integers = columns.flatMap(([, kind], place) => (kind === 'int' || kind === 'uint64' ? [place] : []))
  return (values) => {
    for (const place of integers) {
      if (typeof values[place] === 'string') values[place] = exactValue(values[place], columns[place]![1])
    }
    return new TableRow(...values)
  }
}

/** What `rowText` wrote; throws what `corrupt` makes of anything else. `last`: the transaction of the text before, which this one shares where it is the same. */
export function changeOfText(
  stored: string,
  shape: WaitingShape,
  last: Transaction | null,
  corrupt: (fault: string, cause?: unknown) => Error,
): Change {
  const kept = readStored<KeptChange>(stored, CHANGE, corrupt)
  const { length } = shape.columns
  if (isOtherRow(kept[2], length) || isOtherRow(kept[3], length))
    throw corrupt('a row has not the columns of its table')
  const [op, seq, old, new_, query, threshold, id, gtid, file, offset, serverId, timestampUs] = kept
  const transaction =
    last?.id === id ? last : { id, gtid: gtid === 0 ? id : gtid, file, offset, serverId, timestampUs, query }
  const { table, row } = keptTable(shape)
  const change = new Change(table, op, transaction, seq, row(old), row(new_), query)
  return threshold === null ? change : withFacts(change, { threshold })
}

function isOtherRow(row: KeptRow, columns: number): boolean {
  return Array.isArray(row) && row.length !== columns
}

/** Whether it is one: what BinGo wrote before is the JSON of the event, as that of posted events still is. */
export function isRowText(text: string): boolean {
  return text.startsWith('[')
}
