import type { PresentColumns, RowsBlock } from '../../../../model/source/binlog-stream.ts'
import type { RowOp } from '../../../../model/event/row.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { EventType } from '../format/event-types.ts'
import { u16 } from '../format/little-endian.ts'
import { presentColumns } from './present-columns.ts'
import type { MappedTable } from '../tables/table-cache.ts'

/** Bytes before the optional extra data: table id u48, flags u16. */
const ROWS_POST_HEADER_BYTES = 8

/** What a rows event's type code says. */
export interface RowsKind {
  readonly op: RowOp
  /** Version 2 has a length u16 (itself included) and extra data behind table id and flags. */
  readonly extraData: boolean
  readonly partialJson: boolean
  /** MariaDB's log_bin_compress. */
  readonly compressed: boolean
}

const KINDS: (RowsKind | undefined)[] = []
for (const [op, v1, v2, compressedV1, compressedV2] of [
  ['insert', EventType.WRITE_ROWS_V1, EventType.WRITE_ROWS, 166, 169],
  ['update', EventType.UPDATE_ROWS_V1, EventType.UPDATE_ROWS, 167, 170],
  ['delete', EventType.DELETE_ROWS_V1, EventType.DELETE_ROWS, 168, 171],
] as const) {
  KINDS[v1] = { op, extraData: false, partialJson: false, compressed: false }
  KINDS[v2] = { op, extraData: true, partialJson: false, compressed: false }
  KINDS[compressedV1] = { op, extraData: false, partialJson: false, compressed: true }
  KINDS[compressedV2] = { op, extraData: true, partialJson: false, compressed: true }
}
KINDS[EventType.PARTIAL_UPDATE_ROWS] = { op: 'update', extraData: true, partialJson: true, compressed: false }

/** Undefined for events that carry no rows. */
export function rowsKind(type: number): RowsKind | undefined {
  return KINDS[type]
}

/** The image that an INSERT lacks before, and a DELETE after. */
export const NO_COLUMNS: PresentColumns = { all: false, has: () => false }

/** A block to be filled by `fillRowsBlock`; one is enough for all events. */
export function emptyRowsBlock(): RowsBlock {
  return {
    table: { schema: '', name: '', columns: [], key: [], flavour: 'mysql' },
    op: 'insert',
    buffer: Buffer.alloc(0),
    start: 0,
    end: 0,
    presentOld: NO_COLUMNS,
    presentNew: NO_COLUMNS,
    partialJson: false,
    firstSeq: 0,
  }
}

/**
 * Reads the head of a rows event (Rows_event) whose body is `buffer[start, end)`:
 * table id, flags | [extra data] | number of columns | columns of the before image | of the after image (update) | rows.
 */
export function fillRowsBlock(
  block: RowsBlock,
  kind: RowsKind,
  mapped: MappedTable,
  buffer: Buffer,
  start: number,
  end: number,
): void {
  const columns = mapped.table.columns.length + (mapped.table.hidden?.length ?? 0)
  let at = rowsBodyAt(kind, buffer, start, end)
  const first = at < end ? buffer[at]! : 0xff
  let width = first
  at += 1
  if (first >= 0xfb) {
    if (first !== 0xfc || at + 2 > end) throw corrupt('a number of columns that is out of range')
    width = u16(buffer, at)
    at += 2
  }
  if (width !== columns) throw corrupt(`rows of ${width} columns for the ${columns} columns of their table`)
  const bitsBytes = (width + 7) >> 3
  const rowsStart = at + (kind.op === 'update' ? 2 * bitsBytes : bitsBytes)
  if (rowsStart > end) throw corrupt('no room for the column bitmaps')
  const present = presentColumns(buffer, at, width)
  block.table = mapped.table
  block.op = kind.op
  block.buffer = buffer
  block.start = rowsStart
  block.end = end
  block.partialJson = kind.partialJson
  block.presentOld = kind.op === 'insert' ? NO_COLUMNS : present
  if (kind.op === 'insert') block.presentNew = present
  else block.presentNew = kind.op === 'update' ? presentColumns(buffer, at + bitsBytes, width) : NO_COLUMNS
}

/** Where the number of columns stands: behind post-header and extra data. */
export function rowsBodyAt(kind: RowsKind, buffer: Buffer, start: number, end: number): number {
  let at = start + ROWS_POST_HEADER_BYTES
  if (kind.extraData) {
    if (at + 2 > end) throw corrupt('no length of the extra data')
    const length = u16(buffer, at)
    if (length < 2) throw corrupt(`extra data of ${length} bytes`)
    at += length
  }
  if (at > end) throw corrupt('extra data that goes over the end')
  return at
}
