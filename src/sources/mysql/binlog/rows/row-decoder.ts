import type { PresentColumns } from '../../../../model/source/binlog-stream.ts'
import type { Row, RowOp } from '../../../../model/event/row.ts'
import { imageColumnsOf, type TableDef } from '../../../../model/table/table.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import { columnCodec } from '../columns/column-codec.ts'
import { valueTooLarge } from '../columns/value-size.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { rowClass } from '../../../../model/event/row-class.ts'
import { completed, declaredNotes, jsonNullCode, madeRow, rowOf } from './row-code.ts'
import { imageCode, type ImageColumn } from './row-image.ts'

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
  return compile(table, shape, select, 'row,p') as RowDecoder
}

/** As `compileRowDecoder`; the visitor also learns where the before image ends. */
export type RowSplitter = (
  buffer: Buffer,
  start: number,
  end: number,
  visit: (old: Row | null, new_: Row | null, start: number, middle: number, end: number) => void,
) => number

export function compileRowSplitter(
  table: TableDef,
  shape: RowShape,
  select: { old: ColumnSelection; new: ColumnSelection },
): RowSplitter {
  return compile(table, shape, select, 'row,middle,p') as RowSplitter
}

function compile(
  table: TableDef,
  shape: RowShape,
  select: { old: ColumnSelection; new: ColumnSelection },
  places: 'row,p' | 'row,middle,p',
): unknown {
  const constants: unknown[] = []
  const constant = (value: unknown): string => {
    const known = constants.indexOf(value)
    return `k${known === -1 ? constants.push(value) - 1 : known}`
  }
  const old = shape.op === 'insert' ? null : imageColumns(table, shape.presentOld, select.old)
  const new_ = shape.op === 'delete' ? null : imageColumns(table, shape.presentNew, select.new)
  if ((old?.length ?? 0) + (new_?.length ?? 0) === 0) return decodeRowsOfNothing(old !== null, new_ !== null)

  const taken = old === null || new_ === null ? [] : unwritten(table, old, new_, select.new)
  const oldRow = old && rowOf('o', old)
  const newRow = new_ && completed(rowOf('n', new_), taken)
  const rows = [oldRow, newRow].filter((row) => row !== null)
  const noted = (prefix: string, columns: readonly ImageColumn[]): ImageColumn[] =>
    columns.map((column) => ({ ...column, onJsonNull: jsonNullCode(`${prefix}${column.index}`, column, rows) }))
  const diffs = shape.partialJson && new_ !== null ? new_.filter((column) => column.selected && column.json) : []
  const keep = new Set(diffs.map(({ index }) => index))
  const read = old?.map((column) => (taken.includes(column) ? { ...column, selected: true } : column))
  const partial = shape.partialJson ? { jsonColumns: jsonColumns(table), kept: keptDocuments(old, diffs) } : undefined
  const body = decoderBody({
    notes: declaredNotes(rows),
    before: read === undefined ? '' : imageCode('o', noted('o', read), constant, { keep }),
    after: new_ === null ? '' : imageCode('n', noted('n', new_), constant, { partial }),
    visit: `visit(${madeRow(oldRow, constant)},${madeRow(newRow, constant)},${places})`,
  })
  const names = constants.map((_, i) => `k${i}`)
  // oxlint-disable-next-line typescript/no-implied-eval
  const create = new Function('truncated', 'oversized', ...names, body)
  return create(truncated, oversized, ...constants)
}

function imageColumns(table: TableDef, present: PresentColumns, select: ColumnSelection): ImageColumn[] {
  const columns: ImageColumn[] = []
  for (const [index, column] of imageColumnsOf(table).entries()) {
    if (!present.has(index)) continue
    const selected = isSelected(table, index, select)
    columns.push({ index, name: column.name, codec: columnCodec(column), selected, json: isJson(column.type) })
  }
  return columns
}

/** Hidden columns are read by those alone who name them. */
function isSelected(table: TableDef, index: number, select: ColumnSelection): boolean {
  if (select !== 'all') return select.has(index) && table.columns[index]?.special !== 'unknown'
  return index < table.columns.length && table.columns[index]!.special !== 'unknown'
}

/** Columns of the before image that the after image leaves out, and that the new row is to have. */
function unwritten(
  table: TableDef,
  old: readonly ImageColumn[],
  new_: readonly ImageColumn[],
  select: ColumnSelection,
): ImageColumn[] {
  if (old.length <= new_.length && old.every((column, i) => column.index === new_[i]!.index)) return []
  const written = new Set(new_.map(({ index }) => index))
  return old.filter(({ index }) => !written.has(index) && isSelected(table, index, select))
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

interface DecoderParts {
  readonly notes: string
  readonly before: string
  readonly after: string
  readonly visit: string
}

function decoderBody({ notes, before, after, visit }: DecoderParts): string {
  return `return (b,start,end,visit)=>{
let p=start,e=0,l=0,rows=0;
while(p<end){
const row=p;${notes}
${before}${visit.includes('middle') ? '\nconst middle=p;' : ''}
${after}
if(p>end)truncated(row);
${visit};
rows++;
}
return rows;
}`
}

export function truncated(row: number): never {
  throw corrupt(`row at byte ${row} reaches past the end`)
}

export function oversized(column: string, bytes: number): never {
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
