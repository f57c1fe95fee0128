import type { WireTable } from '../../../../model/source/binlog-stream.ts'
import type { ColumnDef, Flavour, TableDef } from '../../../../model/table/table.ts'
import { decoderOfCollation } from '../charset/collations.ts'
import { decodeUtf8 } from '../charset/utf8.ts'
import { readColumnMeta } from './column-meta.ts'
import type { WireColumn } from './column-meta.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { EventCursor } from '../format/event-cursor.ts'
import { readTableMetadata } from './table-metadata.ts'
import type { TableMetadata } from './table-metadata.ts'

/** Table id u48 and flags u16 come first in TABLE_MAP and in every rows event. */
export const TABLE_ID_BYTES = 6
export const TABLE_MAP_POST_HEADER_BYTES = 8
/** A server's own limit is 4096. */
const MOST_COLUMNS = 0xffff

/** A table as its TABLE_MAP event describes it. */
export interface TableMap {
  readonly wire: WireTable
  /** With names and all the rest (binlog_row_metadata=FULL); else null: a SchemaResolver must tell. */
  readonly full: TableDef | null
}

/**
 * Reads the part of a TABLE_MAP event behind table id and flags (Table_map_event):
 * schema u8 length, name, NUL | table likewise | number of columns | types | metadata block (column-meta.ts) |
 * nullable bits, lowest first | optional metadata (table-metadata.ts).
 */
export function readTableMap(buffer: Buffer, start: number, end: number, flavour: Flavour): TableMap {
  const cursor = new EventCursor(buffer, start, end)
  const schema = readName(cursor)
  const name = readName(cursor)
  const count = cursor.lengthEncoded()
  if (count > MOST_COLUMNS) throw corrupt(`${count} columns`)
  const types = cursor.take(count)
  const blockBytes = cursor.lengthEncoded()
  const blockStart = cursor.take(blockBytes)
  const block = new EventCursor(buffer, blockStart, blockStart + blockBytes)
  const columns = Array.from({ length: count }, (_, i) => readColumnMeta(buffer[types + i]!, block))
  if (block.remaining !== 0) throw corrupt(`${block.remaining} bytes too many of column metadata`)
  const nullBits = cursor.take((count + 7) >> 3)
  const nullable = columns.map((_, i) => (buffer[nullBits + (i >> 3)]! & (1 << (i & 7))) !== 0)
  const metadata = readTableMetadata(cursor, columns, flavour)
  return {
    wire: {
      schema,
      name,
      flavour,
      types: Uint8Array.from(columns, (column) => column.type),
      metas: columns.map((column) => column.meta),
      nullable,
      unsigned: metadata.unsigned,
      collations: metadata.collations,
    },
    full: metadata.names === null ? null : fullTable(schema, name, flavour, columns, nullable, metadata),
  }
}

function readName(cursor: EventCursor): string {
  const name = cursor.utf8(cursor.u8())
  if (cursor.u8() !== 0) throw corrupt('a name without its end')
  return name
}

function fullTable(
  schema: string,
  name: string,
  flavour: Flavour,
  columns: readonly WireColumn[],
  nullable: readonly boolean[],
  metadata: TableMetadata,
): TableDef {
  const defs = columns.map(({ type, meta }, i): ColumnDef => {
    const collation = metadata.collations?.[i] ?? 0
    const values = metadata.values?.[i]?.map((bytes) => valueDecoder(collation)(bytes, 0, bytes.length))
    return {
      name: metadata.names![i]!,
      type,
      meta,
      nullable: nullable[i]!,
      unsigned: metadata.unsigned?.[i] ?? false,
      collation,
      values,
      visible: metadata.visible?.[i] ?? true,
    }
  })
  return { schema, name, columns: defs, key: metadata.key ?? [], flavour }
}

/** ENUM and SET values are in the column's character set; where the event does not name it, they are ASCII mostly. */
function valueDecoder(collation: number): (bytes: Buffer, start: number, end: number) => string {
  return collation === 0 ? decodeUtf8 : decoderOfCollation(collation)
}
