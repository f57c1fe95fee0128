import type { Operation } from '../../../../model/event/row.ts'
import type { ColumnDef, TableDef } from '../../../../model/table/table.ts'
import { typeName } from '../../../../model/event/posted/type-name.ts'
import { valueKind } from '../../../../model/table/value-kind.ts'
import { columnsOf } from '../../table-columns.ts'
import { celUintValue, childrenOf } from '../cel-engine.ts'
import type { CelNode } from '../cel-engine.ts'
import { columnAccess } from '../compile/cel-references.ts'

/** Static type of an expression; `dyn` is everything that cannot be told. */
export type CelType =
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bool'
  | 'null'
  | 'list'
  | 'map'
  | 'timestamp'
  | 'duration'
  | 'decimal'
  | 'dyn'

/** A column that an expression names, of a table that has it. */
export interface TypedColumn {
  readonly image: 'new' | 'old' | 'key'
  readonly column: ColumnDef
  /** As the expression may be written: `new.total`. */
  readonly text: string
}

const COLUMN_TYPES = {
  int: 'int',
  uint64: 'dyn',
  float: 'double',
  string: 'string',
  json: 'dyn',
  set: 'list',
  geometry: 'map',
  vector: 'list',
} as const

/** BIGINT UNSIGNED is int or uint, by its value. */
export function typeOfColumn(column: ColumnDef): CelType {
  return valueKind(column) === 'uint64' ? 'int' : COLUMN_TYPES[valueKind(column)]
}

export function columnIn(node: CelNode, table: TableDef): TypedColumn | undefined {
  const access = columnAccess(node)
  const column = access && columnsOf(table).find(access.column)
  return access && column && { image: access.image, column, text: `${access.image}.${column.name}` }
}

const RESULTS: { readonly [name: string]: CelType } = {
  to_int: 'int',
  to_uint: 'uint',
  to_double: 'double',
  to_string: 'string',
  to_timestamp: 'timestamp',
  to_duration: 'duration',
  decimal: 'decimal',
  size: 'int',
  has: 'bool',
  startsWith: 'bool',
  endsWith: 'bool',
  contains: 'bool',
  re2Matches: 'bool',
  matches: 'bool',
  lowerAscii: 'string',
  upperAscii: 'string',
  trim: 'string',
  substring: 'string',
  replace: 'string',
  charAt: 'string',
  join: 'string',
  split: 'list',
  indexOf: 'int',
  lastIndexOf: 'int',
  exists: 'bool',
  exists_one: 'bool',
  all: 'bool',
}
const VARIABLES: { readonly [name: string]: CelType } = {
  op: 'string',
  schema: 'string',
  table: 'string',
  txId: 'string',
  ts: 'timestamp',
  serverId: 'int',
  changed: 'list',
}
const BOOLEAN: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=', '&&', '||', '!_', 'in'])
export const NUMBERS: ReadonlySet<CelType> = new Set<CelType>(['int', 'uint', 'double', 'decimal'])

/** The type of an expression for one table, as far as it can be told. */
export function typeOf(node: CelNode, table: TableDef): CelType {
  if (BOOLEAN.has(node.op)) return 'bool'
  switch (node.op) {
    case 'value':
      return typeOfConstant(node.args)
    case 'id':
      return VARIABLES[node.args] ?? 'dyn'
    case '.':
    case '[]': {
      const found = columnIn(node, table)
      return found === undefined ? 'dyn' : typeOfColumn(found.column)
    }
    case 'call':
    case 'rcall':
      return Object.hasOwn(RESULTS, node.args[0]) ? RESULTS[node.args[0]]! : 'dyn'
    case '-_':
      return typeOf(node.args, table)
    case 'list':
      return 'list'
    case 'map':
      return 'map'
    case '?:': {
      const [yes, no] = [typeOf(node.args[1], table), typeOf(node.args[2], table)]
      return yes === no ? yes : 'dyn'
    }
    default:
      return typeOfArithmetic(node, table)
  }
}

function typeOfConstant(value: unknown): CelType {
  if (value === null) return 'null'
  if (typeof value === 'bigint') return 'int'
  if (typeof value === 'number') return 'double'
  if (typeof value === 'string') return 'string'
  if (typeof value === 'boolean') return 'bool'
  return celUintValue(value) === undefined ? 'dyn' : 'uint'
}

function typeOfArithmetic(node: CelNode, table: TableDef): CelType {
  const types = childrenOf(node).map((child) => typeOf(child, table))
  if (isDecimalArithmetic(types)) return 'decimal'
  const [left, right] = types
  return left === right && left !== undefined && !TIMES.has(left) ? left : 'dyn'
}

/** A decimal goes with any other number. */
export function isDecimalArithmetic(types: readonly CelType[]): boolean {
  return types.includes('decimal') && types.every((type) => NUMBERS.has(type))
}

const TIMES: ReadonlySet<CelType> = new Set<CelType>(['timestamp', 'duration'])

/** Whether two values can be equal, or be put in order. */
export function comparable(left: CelType, right: CelType): boolean {
  return left === 'dyn' || right === 'dyn' || left === right || (NUMBERS.has(left) && NUMBERS.has(right))
}

/** `DECIMAL`, or the type of what is no column, in words. */
export function describeOperand(node: CelNode, table: TableDef): string {
  const found = columnIn(node, table)
  if (found !== undefined)
    return `${found.text} is ${typeName(found.column)}, ${WORDS[typeOfColumn(found.column)]} in CEL`
  return `${WORDS[typeOf(node, table)]}`
}

export const WORDS: { readonly [type in CelType]: string } = {
  int: 'an int',
  uint: 'a uint',
  double: 'a double',
  string: 'a string',
  bool: 'a bool',
  null: 'null',
  list: 'a list',
  map: 'a map',
  timestamp: 'a timestamp',
  duration: 'a duration',
  decimal: 'a decimal',
  dyn: 'a value',
}

/** How the two sides can be compared after all. */
export function fixFor(column: TypedColumn, other: CelNode, table: TableDef): string {
  const { text } = column
  const type = typeOfColumn(column.column)
  const wanted = typeOf(other, table)
  const constant = constantOf(other)
  if (type === 'string' && NUMBERS.has(wanted)) {
    return isDecimal(column.column) || constant === undefined
      ? `compare it as a number: decimal(${text})`
      : `compare it with a string: '${constant}'`
  }
  if (type === 'string' && TIMES.has(wanted)) return `compare it as a time: timestamp(${text})`
  if (NUMBERS.has(type) && wanted === 'bool')
    return `write ${constant === 'false' ? '0' : '1'} instead of ${constant ?? 'true'}`
  if (NUMBERS.has(type) && wanted === 'string') {
    const number = constant !== undefined && /^-?\d+(\.\d+)?$/.test(constant)
    return number ? `write ${constant} without quotes` : `compare it as a string: string(${text})`
  }
  if (type === 'list' && wanted === 'string') return `test membership: … in ${text}`
  if (type === 'string' && wanted === 'bool') return 'compare it with a string'
  return 'compare values of the same type'
}

function constantOf(node: CelNode): string | undefined {
  if (node.op !== 'value') return undefined
  const { args } = node
  return typeof args === 'string' || typeof args === 'number' || typeof args === 'bigint' || typeof args === 'boolean'
    ? String(args)
    : undefined
}

const DECIMALS: ReadonlySet<number> = new Set([0, 246])

function isDecimal({ type }: ColumnDef): boolean {
  return DECIMALS.has(type)
}

/** Whether a column can be NULL in some change of these operations. */
export function whyNull({ image, column, text }: TypedColumn, operations: ReadonlySet<Operation>): string | undefined {
  if (column.nullable) return `${text} can be NULL`
  if (image === 'old' && operations.has('insert')) return `${text} is NULL in an INSERT`
  if (image === 'new' && operations.has('delete')) return `${text} is NULL in a DELETE`
  return undefined
}
