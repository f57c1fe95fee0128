import { Change, type Transaction } from '../model/event/change.ts'
import { type Operation, OPERATIONS, type Row, type Value } from '../model/event/row.ts'
import { rowClass } from '../model/event/row-class.ts'
import { faultOf, listOf, number, oneOf, optional, orNull, text, timeUs, tupleOf } from '../model/json/shape.ts'
import { withShortQuery } from '../waiting/record.ts'
import { KEPT_ROW, type KeptRow } from '../waiting/row-text.ts'
import type { TableDef } from '../model/table/table.ts'
import { exactJsonOf, parseExact } from './exact-json.ts'
import type { Ordinal } from './contract.ts'

/**
 * What a reader says of its run in a share. `hello`: it begins; `bye`: it has ended in order; `again`: what it appends from here
 * on stands before it in part, of runs that were killed.
 */
export type Sign = 'hello' | 'bye' | 'again'

const SIGNS = { h: 'hello', b: 'bye', a: 'again' } as const satisfies Record<string, Sign>

/** What a reader appends to a share. */
export type ScaleRecord =
  | {
      readonly tag: Sign
      readonly ordinal: Ordinal
      /** The instance that the reader is of, where the sign says so. */
      readonly owner: string | undefined
    }
  | {
      readonly tag: 'change'
      readonly ordinal: Ordinal
      /** Name of the table's shape (shapes.ts). */
      readonly shape: string
      /** The shares that the change is in, where its order concerns several of them; null: this one alone. */
      readonly meet: readonly number[] | null
      /** Of the event, for who only looks what was appended. */
      readonly id: string
      /** Throws for a row that has not the columns of the table. */
      readonly change: (table: TableDef) => Change
    }

type KeptChange = readonly [
  op: Operation,
  seq: number,
  old: KeptRow,
  new_: KeptRow,
  query: string | null,
  txId: string,
  gtid: string | null,
  file: string,
  offset: number,
  serverId: number,
  timestampUs: number,
]

/** What of a change is the same in all shares, made where it is matched. */
export function changeText(change: Change): string {
  // Statements that change many rows would be appended with each of them.
  const { table, op, seq, old, new: new_, query, transaction } = withShortQuery(change)
  const { id, gtid, file, offset, serverId, timestampUs } = transaction
  const kept: KeptChange = [
    op,
    seq,
    keptRow(table, old),
    keptRow(table, new_),
    query,
    id,
    gtid,
    file,
    offset,
    serverId,
    timestampUs,
  ]
  return exactJsonOf(kept)
}

export function recordText(
  { epoch, number }: Ordinal,
  shape: string,
  meet: readonly number[] | null,
  id: string,
  change: string,
): string {
  return `["c",${epoch},${number},${JSON.stringify(shape)},${JSON.stringify(meet)},${JSON.stringify(id)},${change}]`
}

export function signText(tag: Sign, { epoch, number }: Ordinal, owner?: string): string {
  return JSON.stringify([tag[0]!, epoch, number, owner])
}

const CHANGE = tupleOf(
  oneOf(...OPERATIONS),
  number,
  KEPT_ROW,
  KEPT_ROW,
  orNull(text),
  text,
  orNull(text),
  text,
  number,
  number,
  timeUs,
)
const SIGN_RECORD = tupleOf(oneOf(...Object.keys(SIGNS)), number, number, optional(orNull(text)))
const CHANGE_RECORD = tupleOf(oneOf('c'), number, number, text, orNull(listOf(number)), text, CHANGE)

/** Throws for a text that none of these wrote. */
export function parseRecord(record: string): ScaleRecord {
  const value = parseExact(record) as [
    keyof typeof SIGNS | 'c',
    number,
    number,
    string,
    readonly number[] | null,
    string,
    KeptChange,
  ]
  const isChange = Array.isArray(value) && value[0] === 'c'
  const fault = faultOf(isChange ? CHANGE_RECORD : SIGN_RECORD, value)
  if (fault !== null) throw new Error(fault)
  const [tag, epoch, place, shape, meet, id, kept] = value
  const ordinal = { epoch, number: place }
  if (tag !== 'c') return { tag: SIGNS[tag], ordinal, owner: shape ?? undefined }
  return { tag: 'change', ordinal, shape, meet, id, change: (table) => changeOf(table, kept) }
}

function keptRow({ columns }: TableDef, row: Row | null): KeptRow {
  if (row === null) return null
  const values: Value[] = []
  for (const { name } of columns) {
    const value = row[name]
    if (value === undefined) return row
    values.push(value)
  }
  return values
}

function changeOf(table: TableDef, kept: KeptChange): Change {
  const [op, seq, old, new_, query, id, gtid, file, offset, serverId, timestampUs] = kept
  const transaction: Transaction = { id, gtid, file, offset, serverId, timestampUs, query }
  return new Change(table, op, transaction, seq, rowOf(table, old), rowOf(table, new_), query)
}

function rowOf({ columns }: TableDef, kept: KeptRow): Row | null {
  if (kept === null) return null
  const [names, values] = Array.isArray(kept)
    ? [columns.map(({ name }) => name), kept as readonly Value[]]
    : [Object.keys(kept), Object.values(kept as Row)]
  if (values.length !== names.length) throw new Error('a row has not the columns of its table')
  return new (rowClass(names))(...values)
}
