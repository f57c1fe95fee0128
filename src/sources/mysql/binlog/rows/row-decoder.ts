import type { PresentColumns } from '../../../../model/binlog-stream.ts'
import type { Row, RowOp } from '../../../../model/change.ts'
import type { TableDef } from '../../../../model/table.ts'
import { ColumnType } from '../../../../model/column-type.ts'
import { columnCodec } from '../columns/column-codec.ts'
import { valueTooLarge } from '../columns/value-size.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { rowClass } from './row-class.ts'
import { type ImageCode, imageCode, type ImageColumn } from './row-image.ts'

/** Indexes of the columns to decode; the others are skipped over. */
export type ColumnSelection = ReadonlySet<number> | 'all'

/** One row. `old` is null for an INSERT, `new_` for a DELETE; [start, end) are the row's bytes, both images. */
export type RowVisitor = (old: Row | null, new_: Row | null, start: number, end: number) => void

/**
 * Visits the rows of a rows event, whose images lie in `buffer[start, end)`, and answers how many there were. Throws
 * BINGO_BINLOG_CORRUPT for bytes that cannot be rows of this table, BINGO_VALUE_TOO_LARGE for a value that no string
 * can hold; rows before the bad one have been visited by then.
 */
export type RowDecoder = (buffer: Buffer, start: number, end: number, visit: RowVisitor) => number

export interface RowShape {
  readonly op: RowOp
  readonly presentOld: PresentColumns
  readonly presentNew: PresentColumns
  readonly partialJson: boolean
}

/**
 * Compiles a decoder for one shape of rows and one choice of columns: a function of straight-line code, one block per
 * column, in which everything that the table map says is a constant. Columns not chosen cost an addition, or the
 * reading of their length. Names and other data never become source text but as JSON string literals.
 *
 * Format of row images: MySQL libs/mysql/binlog/event/rows_event.h (Rows_event).
 */
export function compileRowDecoder(
  table: TableDef,
  shape: RowShape,
  select: { old: ColumnSelection; new: ColumnSelection },
): RowDecoder {
  const constants: unknown[] = []
  const constant = (value: unknown): string => {
    const known = constants.indexOf(value)
    return `k${known === -1 ? constants.push(value) - 1 : known}`
  }
  const old = shape.op === 'insert' ? null : imageColumns(table, shape.presentOld, select.old)
  const new_ = shape.op === 'delete' ? null : imageColumns(table, shape.presentNew, select.new)
  if ((old?.length ?? 0) + (new_?.length ?? 0) === 0) return decodeRowsOfNothing(old !== null, new_ !== null)

  const diffs = shape.partialJson && new_ !== null ? new_.filter((column) => column.selected && column.json) : []
  const oldCode =
    old === null ? null : imageCode('o', old, constant, { keep: new Set(diffs.map(({ index }) => index)) })
  const partial = shape.partialJson ? { jsonColumns: jsonColumns(table), kept: keptDocuments(old, diffs) } : undefined
  const newCode = new_ === null ? null : imageCode('n', new_, constant, { partial })
  const classes = { old: rowClass(selectedNames(old)), new: rowClass(selectedNames(new_)) }
  const body = decoderBody(oldCode, newCode, constant(classes.old), constant(classes.new))
  const names = constants.map((_, i) => `k${i}`)
  // oxlint-disable-next-line typescript/no-implied-eval
  const create = new Function('truncated', 'oversized', ...names, body)
  return create(truncated, oversized, ...constants) as RowDecoder
}

function imageColumns(table: TableDef, present: PresentColumns, select: ColumnSelection): ImageColumn[] {
  const columns: ImageColumn[] = []
  for (const [index, column] of table.columns.entries()) {
    if (!present.has(index)) continue
    const selected = select === 'all' || select.has(index)
    columns.push({ index, name: column.name, codec: columnCodec(column), selected, json: isJson(column.type) })
  }
  return columns
}

function isJson(type: number): boolean {
  return type === ColumnType.JSON
}

/** JSON columns of the whole table in order: each has a bit in a partial image, whether it is present or not. */
function jsonColumns(table: TableDef): number[] {
  return [...table.columns.keys()].filter((index) => isJson(table.columns[index]!.type))
}

/** Columns of the after image that can be diffs of a document in the before image. */
function keptDocuments(old: readonly ImageColumn[] | null, diffs: readonly ImageColumn[]): Set<number> {
  const before = new Set(old?.map((column) => column.index))
  return new Set(diffs.map((column) => column.index).filter((index) => before.has(index)))
}

function selectedNames(columns: readonly ImageColumn[] | null): string[] {
  return (columns ?? []).filter((column) => column.selected).map((column) => column.name)
}

function decoderBody(old: ImageCode | null, new_: ImageCode | null, oldClass: string, newClass: string): string {
  const rowOf = (image: ImageCode | null, name: string): string =>
    image === null ? 'null' : image.values.length === 0 ? `${name}.empty` : `new ${name}(${image.values.join(',')})`
  const rows = [old === null ? '' : old.source, new_ === null ? '' : new_.source].join('\n')
  return `return (b,start,end,visit)=>{
let p=start,e=0,l=0,rows=0;
while(p<end){
const row=p;
${rows}
if(p>end)truncated(row);
visit(${rowOf(old, oldClass)},${rowOf(new_, newClass)},row,p);
rows++;
}
return rows;
}`
}

function truncated(row: number): never {
  throw corrupt(`row at byte ${row} reaches past the end`)
}

function oversized(column: string, bytes: number): never {
  throw valueTooLarge(`column ${column}`, bytes)
}

/**
 * Images without any column take no bytes at all, so the event does not tell how many rows it holds. It is one:
 * binlog_row_image=MINIMAL and an INSERT of nothing but defaults, of which the server refuses a second in one statement.
 */
function decodeRowsOfNothing(hasOld: boolean, hasNew: boolean): RowDecoder {
  const { empty } = rowClass([])
  return (_buffer, start, end, visit) => {
    if (start !== end) throw corrupt('row images of no columns have bytes')
    visit(hasOld ? empty : null, hasNew ? empty : null, start, end)
    return 1
  }
}
