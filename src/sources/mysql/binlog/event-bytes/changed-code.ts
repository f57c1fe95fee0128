import type { Value } from '../../../../model/event/row.ts'
import { valuesEqual } from '../../../../model/event/changed-columns.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import type { ColumnDef } from '../../../../model/table/table.ts'
import type { Constants } from '../columns/codec.ts'
import { differInAscii } from '../../../../model/event/bytes/text.ts'
import type { ValueCode } from './value-code.ts'

/** A column of the events that are written. */
export interface WrittenColumn {
  readonly index: number
  readonly def: ColumnDef
  /** In quotes. */
  readonly name: string
  readonly value: ValueCode
}

/** Types of which different bytes are different values. */
const EXACT_TYPES: ReadonlySet<number> = new Set([
  ColumnType.TINY,
  ColumnType.SHORT,
  ColumnType.INT24,
  ColumnType.LONG,
  ColumnType.LONGLONG,
  ColumnType.NEWDECIMAL,
])

/**
 * Expression that tells of an UPDATE whether it changed the column, as `columnChanged` does of decoded rows; undefined: it
 * did not. `d` and the column's place hold whether the bytes differ, where both images have it.
 */
export function changedCode(
  column: WrittenColumn,
  old: string | undefined,
  new_: string | undefined,
  constant: Constants,
): string | undefined {
  if (new_ === undefined) return undefined
  if (old === undefined) return 'true'
  return `d${column.index}&&(${old}<0||${new_}<0||${meansOther(column, old, new_, constant)})`
}

/** Whether values of other bytes are other values. */
function meansOther({ def, value }: WrittenColumn, old: string, new_: string, constant: Constants): string {
  if (EXACT_TYPES.has(def.type)) return 'true'
  const read = constant(readerOf(value))
  const [oldEnd, newEnd] = value.codec.width === null ? [`${old}e`, `${new_}e`] : ['0', '0']
  const surely = value.isText ? `${constant(differInAscii)}(b,${old},${oldEnd},${new_},${newEnd})||` : ''
  return `${surely}!${constant(valuesEqual)}(${read}(b,${old},${oldEnd}),${read}(b,${new_},${newEnd}))`
}

/** Whether a value is longer to write than to copy. */
export function isCopied({ value, def }: WrittenColumn): boolean {
  return value.isText || !INTEGERS.has(def.type)
}

const INTEGERS: ReadonlySet<number> = new Set([
  ColumnType.TINY,
  ColumnType.SHORT,
  ColumnType.INT24,
  ColumnType.LONG,
  ColumnType.YEAR,
])

/** The decoder of a value outside of a row, for what few rows need. */
function readerOf({ codec }: ValueCode): (bytes: Buffer, start: number, end: number) => Value {
  const constants: unknown[] = []
  const constant: Constants = (value) => `k${constants.push(value) - 1}`
  const code = codec.read('x', constant)
  // oxlint-disable-next-line typescript/no-implied-eval
  const create = new Function(...constants.map((_, i) => `k${i}`), `return (b,p,e)=>{let x;${code}return x}`)
  return create(...constants) as ReturnType<typeof readerOf>
}

/** Longer values are compared by the runtime. */
const SHORT_BYTES = 256

/** Expression that tells whether the values at `one` and `other` have other bytes; the ends of longer ones end in `e`. */
export function differCode(width: number | null, one: string, other: string, constant: Constants): string {
  if (width === null) return `!${constant(sameBytes)}(b,s,${one},${one}e,${other},${other}e)`
  const parts: string[] = []
  const part = (read: string, at: number): void => {
    parts.push(`s.${read}(${one}+${at})!==s.${read}(${other}+${at})`)
  }
  let at = 0
  for (; width - at >= 4; at += 4) part('getInt32', at)
  for (; width - at >= 2; at += 2) part('getInt16', at)
  if (width > at) part('getInt8', at)
  return parts.length === 0 ? 'false' : `(${parts.join('||')})`
}

function sameBytes(
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  const length = end - start
  if (length !== otherEnd - otherStart) return false
  if (length > SHORT_BYTES) return bytes.compare(bytes, otherStart, otherEnd, start, end) === 0
  let at = 0
  for (; length - at >= 4; at += 4) {
    if (view.getInt32(start + at) !== view.getInt32(otherStart + at)) return false
  }
  for (; at < length; at++) if (bytes[start + at] !== bytes[otherStart + at]) return false
  return true
}
