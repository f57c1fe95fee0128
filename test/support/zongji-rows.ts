import { inspect, isDeepStrictEqual } from 'node:util'
import ZongJi from '@vlasky/zongji'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import type { Row, Value } from '../../src/model/event/row.ts'
import { ColumnType } from '../../src/model/table/column-type.ts'
import type { ColumnDef, TableDef } from '../../src/model/table/table.ts'
import { exact, shortest } from '../unit/sources/mysql/binlog/reference-decoder.ts'
import type { RowsEvent, SqlServer } from './binlog-rows.ts'
import { misreadByZongji } from './zongji-exceptions.ts'

/** Values as zongji gives them: of the columns that the row's image holds. */
interface ZongjiRow {
  readonly [column: string]: unknown
}

/** One rows event as zongji's own parser reads it. */
export interface ZongjiEvent {
  readonly rows: readonly { readonly old: ZongjiRow | null; readonly new: ZongjiRow | null }[]
}

/** What is used of zongji's events; its declarations leave out the bitmaps. */
interface RawEvent {
  getEventName(): string
  readonly nextPosition: number
}

interface RawRowsEvent extends RawEvent {
  readonly tableId: number
  readonly tableMap: { readonly [id: number]: { tableName: string; columns: readonly { name: string }[] } }
  readonly rows: readonly (ZongjiRow & { before: ZongjiRow; after: ZongjiRow })[]
  readonly columns_present_bitmap: Buffer
  readonly columns_present_bitmap2?: Buffer
}

const ROWS_EVENTS = ['writerows', 'updaterows', 'deleterows']
const SERVER_ID = 4_200_000

/** Streams a server's whole binlog, as it now is, through zongji: every rows event of the tables, by table. */
export async function readZongjiEvents(
  server: SqlServer,
  db: Connection,
  schema: string,
  tables: readonly string[],
): Promise<ReadonlyMap<string, readonly ZongjiEvent[]>> {
  const [logs] = await db.query<(RowDataPacket & { Log_name: string; File_size: number })[]>('SHOW BINARY LOGS')
  const last = logs.at(-1)!
  const events = new Map(tables.map((name): [string, ZongjiEvent[]] => [name, []]))
  const { host, port, user } = server
  const zongji = new ZongJi({ host, port, user, dateStrings: true, timezone: 'Z' })
  const read = new Promise<void>((resolve, reject) => {
    zongji.on('error', reject)
    zongji.on('binlog', (event: RawEvent) => {
      if (ROWS_EVENTS.includes(event.getEventName())) {
        const { tableMap, tableId } = event as RawRowsEvent
        events.get(tableMap[tableId]!.tableName)!.push(zongjiEvent(event as RawRowsEvent))
      }
      if (zongji.get('filename') === last.Log_name && event.nextPosition >= last.File_size) resolve()
    })
  })
  zongji.start({
    serverId: SERVER_ID,
    filename: logs[0]!.Log_name,
    position: 4,
    includeEvents: ['tablemap', 'xid', 'query', ...ROWS_EVENTS],
    includeSchema: { [schema]: [...tables] },
  })
  try {
    await read
  } finally {
    const stopped = Promise.withResolvers<void>()
    zongji.on('stopped', stopped.resolve)
    zongji.stop()
    await stopped.promise
  }
  return events
}

function zongjiEvent(event: RawRowsEvent): ZongjiEvent {
  const { columns } = event.tableMap[event.tableId]!
  const present = (row: ZongjiRow, bitmap: Buffer): ZongjiRow =>
    // zongji shows what an image leaves out as null.
    Object.fromEntries(
      columns.filter((_, i) => (bitmap[i >> 3]! >> (i % 8)) % 2 === 1).map(({ name }) => [name, row[name]]),
    )
  const first = event.columns_present_bitmap
  const name = event.getEventName()
  return {
    rows: event.rows.map((row) => {
      if (name === 'writerows') return { old: null, new: present(row, first) }
      if (name === 'deleterows') return { old: present(row, first), new: null }
      return { old: present(row.before, first), new: present(row.after, event.columns_present_bitmap2!) }
    }),
  }
}

export interface Comparison {
  /** Values other than NULL that were compared. */
  compared: number
  readonly differences: string[]
}

/** Compares one rows event, value by value, with what zongji read of it. */
export function compareWithZongji(ours: RowsEvent, theirs: ZongjiEvent): Comparison {
  const comparison: Comparison = { compared: 0, differences: [] }
  if (ours.rows.length !== theirs.rows.length) comparison.differences.push(`${theirs.rows.length} rows`)
  for (const [i, row] of ours.rows.entries()) {
    for (const image of ['old', 'new'] as const) {
      const read = theirs.rows[i]
      const their = image === 'new' ? completed(ours.table, read?.old ?? null, read?.new ?? null) : (read?.old ?? null)
      compareImages(comparison, ours.table, `${image} row ${i + 1}`, row[image], their)
    }
  }
  return comparison
}

/** An after image that leaves columns out is completed from the one before, as BinGo does it. */
function completed(table: TableDef, old: ZongjiRow | null, new_: ZongjiRow | null): ZongjiRow | null {
  if (old === null || new_ === null) return new_
  const row: ZongjiRow = { ...old, ...new_ }
  const names = table.columns.map(({ name }) => name).filter((name) => name in row)
  return Object.fromEntries(names.map((name) => [name, row[name]]))
}

function compareImages(to: Comparison, table: TableDef, where: string, ours: Row | null, theirs: ZongjiRow | null) {
  const held = Object.keys(theirs ?? {})
  if (!isDeepStrictEqual(Object.keys(ours ?? {}), held)) to.differences.push(`${where}: ${held.join(', ')}`)
  if (ours === null || theirs === null) return
  for (const column of table.columns.filter(({ name }) => held.includes(name))) {
    const value = ours[column.name]
    const misread = misreadByZongji(value, column, table)
    if (misread?.always === false) continue
    if (value !== null && misread === undefined) to.compared += 1
    const read = asWePrint(column, theirs[column.name])
    // Copies, as the objects of our JSON have no prototype.
    const isSame = isDeepStrictEqual(structuredClone(value), structuredClone(read))
    if (isSame === (misread === undefined)) continue
    const place = `${table.name}.${column.name} of ${where} (type ${column.type}, meta ${column.meta})`
    to.differences.push(`${place}: ${inspect(value)}, by zongji ${inspect(read)}`)
  }
}

/** A value of zongji, with `dateStrings` and in UTC, in the form in which we print it. */
function asWePrint({ type }: ColumnDef, value: unknown): Value {
  if (value === null) return null
  switch (type) {
    case ColumnType.LONGLONG:
      return typeof value === 'string' ? BigInt(value) : (value as number)
    case ColumnType.FLOAT:
      return shortest(value as number)
    case ColumnType.BIT:
      return exact(BigInt(`0x${(value as Buffer).toString('hex')}`))
    case ColumnType.SET:
      return value === '' ? [] : (value as string).split(',')
    case ColumnType.TIMESTAMP2:
      return (value as string).startsWith('0000') ? (value as string) : `${(value as string).replace(' ', 'T')}Z`
    case ColumnType.GEOMETRY: {
      const { x, y } = value as { x: number; y: number }
      return { type: 'Point', coordinates: [x, y] }
    }
    default:
      return Buffer.isBuffer(value) ? value.toString('base64') : (value as Value)
  }
}
