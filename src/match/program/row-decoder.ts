import type { PresentColumns } from '../../model/source/binlog-stream.ts'
import type { RowImages } from '../../model/event/bytes/image-change.ts'
import type { Row, RowOp } from '../../model/event/row.ts'
import type { TableDef } from '../../model/table/table.ts'
import type { ColumnSelection } from './column-needs.ts'

export type RowVisitor = (old: Row | null, new_: Row | null, start: number, end: number) => void
/** Decodes the rows of a block; answers how many there were. See sources/mysql/binlog/rows/row-decoder.ts. */
export type RowDecoder = (buffer: Buffer, start: number, end: number, visit: RowVisitor) => number
export interface BlockShape {
  readonly op: RowOp
  readonly presentOld: PresentColumns
  readonly presentNew: PresentColumns
  readonly partialJson: boolean
}
export type CompileRowDecoder = (
  table: TableDef,
  shape: BlockShape,
  select: { readonly old: ColumnSelection; readonly new: ColumnSelection },
) => RowDecoder

/** How events are written from images of this shape; null where rows have to be decoded for that. */
export type CompileRowImages = (table: TableDef, shape: BlockShape) => RowImages | null
