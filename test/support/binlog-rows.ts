import { deepStrictEqual } from 'node:assert/strict'
import { findBinlogFiles, readBinlogFiles } from '../../src/sources/mysql/binlog/file-reader.ts'
import { BinlogReader } from '../../src/sources/mysql/binlog/reader.ts'
import {
  compileRowDecoder,
  type ColumnSelection,
  type RowShape,
} from '../../src/sources/mysql/binlog/rows/row-decoder.ts'
import type { SchemaResolver, TransactionHandler } from '../../src/model/source/binlog-stream.ts'
import type { Row } from '../../src/model/event/row.ts'
import type { ColumnDef, TableDef } from '../../src/model/table/table.ts'
import { eventsByBytes, eventsByValues } from './event-as-json.ts'
import type { startMysql } from './servers/mysql.ts'

export type SqlServer = Awaited<ReturnType<typeof startMysql>>

/** The rows of one rows event, decoded in full, and what it takes to decode them again in another way. */
export interface RowsEvent {
  readonly table: TableDef
  readonly shape: RowShape
  readonly images: Buffer
  readonly rows: readonly DecodedRow[]
}

export interface DecodedRow {
  readonly old: Row | null
  readonly new: Row | null
}

/** What a TABLE_MAP with full metadata still does not tell, by column name. */
export type ColumnHints = { readonly [column: string]: Partial<Pick<ColumnDef, 'special' | 'meta'>> }

/** Every rows event of a table in the server's binlog files, decoded. The server must log full metadata. */
export async function readRowsEvents(server: SqlServer, table: string, hints: ColumnHints = {}): Promise<RowsEvent[]> {
  const events: RowsEvent[] = []
  const ignore = (): void => undefined
  const handler: TransactionHandler = {
    begin: ignore,
    rows: ({ table: definition, op, presentOld, presentNew, partialJson, buffer, start, end }) => {
      const shape = { op, presentOld, presentNew, partialJson }
      const images = Buffer.from(buffer.subarray(start, end))
      const hinted = withHints(definition, hints)
      events.push({ table: hinted, shape, images, rows: decodeRows(hinted, shape, images) })
      compareJson(hinted, shape, images)
    },
    ddl: ignore,
    commit: ignore,
    rollback: ignore,
    rollbackTo: ignore,
    advance: ignore,
    wants: ({ name }) => name === table,
  }
  const schemas: SchemaResolver = {
    resolve: ({ schema, name }) => {
      throw new Error(`${schema}.${name} has no full metadata`)
    },
    invalidate: ignore,
  }
  const { flavour } = server
  const reader = new BinlogReader({ flavour, handler, schemas, startGtidSet: null, startFile: '' })
  for await (const _ of readBinlogFiles(await findBinlogFiles(server.binlogDir!), reader));
  return events
}

/** All after images of a table in the order of the binlog, and before images of deletes. */
export async function readRows(server: SqlServer, table: string, hints: ColumnHints = {}): Promise<Row[]> {
  const events = await readRowsEvents(server, table, hints)
  return events.flatMap(({ rows }) => rows.map((row) => (row.new ?? row.old)!))
}

export function decodeRows(
  table: TableDef,
  shape: RowShape,
  images: Buffer,
  select: { old: ColumnSelection; new: ColumnSelection } = { old: 'all', new: 'all' },
): DecodedRow[] {
  const rows: DecodedRow[] = []
  const decode = compileRowDecoder(table, shape, select)
  decode(images, 0, images.length, (old, new_) => rows.push({ old, new: new_ }))
  return rows
}

/** Whatever a server writes: the JSON that is written from its bytes is that of the decoded rows. */
function compareJson(table: TableDef, shape: RowShape, images: Buffer): void {
  const byBytes = eventsByBytes(table, shape, images)
  if (byBytes !== null) deepStrictEqual(byBytes, eventsByValues(table, shape, images))
}

function withHints(table: TableDef, hints: ColumnHints): TableDef {
  return { ...table, columns: table.columns.map((column) => ({ ...column, ...hints[column.name] })) }
}
