import type { Row, RowOp, Value } from '../../model/event/row.ts'
import { BingoError } from '../../model/errors.ts'
import type { ColumnDef, TableDef } from '../../model/table/table.ts'
import { valueKind } from '../../model/table/value-kind.ts'

export interface RowValues {
  readonly [column: string]: Value
}

/** A change of one row, as a custom source hands it in: the rows are checked copies. */
export interface RowChange {
  readonly table: TableDef
  readonly op: RowOp
  /** The row before; null for an INSERT. */
  readonly old: Row | null
  /** The row after; null for a DELETE. */
  readonly new: Row | null
}

export interface RowChangeOptions {
  /** From `defineTable`, the same object for every row. */
  readonly table: TableDef
  readonly op: RowOp
  /** For an UPDATE and a DELETE. */
  readonly old?: RowValues | undefined
  /** For an INSERT and an UPDATE. */
  readonly new?: RowValues | undefined
}

/**
 * Checks a row change. Columns that are left out are absent, as in a partial row image: rules that read them get an error
 * for this row. Throws BINGO_ROW_INVALID: a row too few or too many for the operation, a column that the table does not
 * have, a value that its column cannot hold, or a key without a value.
 */
export function rowChange({ table, op, old, new: new_ }: RowChangeOptions): RowChange {
  const [needsOld, needsNew] = [op !== 'insert', op !== 'delete']
  if (needsOld !== (old !== undefined) || needsNew !== (new_ !== undefined)) {
    const wanted = [needsOld && 'old', needsNew && 'new'].filter((row) => row !== false).join(' and ')
    throw invalid(table, `${op} takes ${wanted}`, `Give ${wanted}, and nothing else.`)
  }
  return {
    table,
    op,
    old: old === undefined ? null : checked(table, old, 'old'),
    new: new_ === undefined ? null : checked(table, new_, 'new'),
  }
}

function checked(table: TableDef, values: RowValues, image: 'old' | 'new'): Row {
  const row = Object.create(null) as { [column: string]: Value }
  let found = 0
  for (const column of table.columns) {
    if (!Object.hasOwn(values, column.name)) continue
    found += 1
    const value = values[column.name]
    if (value === undefined) continue
    if (!fits(column, value)) {
      const why = `${image}.${column.name} is ${describe(value)}, and the column holds ${WORDS[valueKind(column)]}`
      throw invalid(table, why, 'Convert the value, or define the column otherwise.')
    }
    row[column.name] = value
  }
  if (found < Object.keys(values).length) {
    const unknown = Object.keys(values).find((name) => !table.columns.some((column) => column.name === name))
    const hint = `Columns are ${table.columns.map(({ name }) => name).join(', ')}.`
    throw invalid(table, `${image} has "${unknown}", which is not a column`, hint)
  }
  for (const index of table.key) {
    const { name } = table.columns[index]!
    if (row[name] === undefined) throw invalid(table, `${image} has no "${name}", which is part of the key`, 'Add it.')
  }
  return row
}

const WORDS: { readonly [kind in ReturnType<typeof valueKind>]: string } = {
  int: 'whole numbers (number or bigint)',
  uint64: 'whole numbers that are not negative (number or bigint)',
  float: 'finite numbers',
  string: 'texts',
  json: 'what JSON can hold',
  set: 'lists of texts',
  geometry: 'GeoJSON',
  vector: 'lists of numbers',
}

const BITS = 64

function fits(column: ColumnDef, value: Value): boolean {
  if (value === null) return column.nullable
  switch (valueKind(column)) {
    case 'int':
      return typeof value === 'bigint' ? BigInt.asIntN(BITS, value) === value : Number.isSafeInteger(value)
    case 'uint64':
      return typeof value === 'bigint'
        ? BigInt.asUintN(BITS, value) === value
        : Number.isSafeInteger(value) && (value as number) >= 0
    case 'float':
      return Number.isFinite(value)
    case 'string':
      return typeof value === 'string'
    default:
      return isJson(value)
  }
}

function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (Array.isArray(value)) return value.every(isJson)
  if (typeof value !== 'object' || value === null)
    return ['string', 'boolean', 'bigint', 'object'].includes(typeof value)
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === null || prototype === Object.prototype) && Object.values(value).every(isJson)
}

function describe(value: Value): string {
  if (value === null) return 'NULL'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

function invalid({ schema, name }: TableDef, why: string, hint: string): BingoError {
  return new BingoError('BINGO_ROW_INVALID', `The change of ${schema}.${name} cannot be used: ${why}`, { hint })
}
