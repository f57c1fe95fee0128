import { checksumOf } from '../../../../../src/sources/mysql/binlog/format/checksum.ts'
import { EventType } from '../../../../../src/sources/mysql/binlog/format/event-types.ts'

/** Little-endian unsigned integer of `width` bytes. */
export function int(value: number | bigint, width: number): Buffer {
  const bytes = Buffer.alloc(width)
  let rest = BigInt(value)
  for (let i = 0; i < width; i++, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
  return bytes
}

/** One length byte and the text. */
export function counted(text: string): Buffer {
  return Buffer.concat([int(Buffer.byteLength(text), 1), Buffer.from(text)])
}

export interface EventOptions {
  readonly timestamp?: number
  readonly serverId?: number
  readonly endPosition?: number
  readonly flags?: number
}

/** An event as in a binlog with checksums; `checksum: false` leaves it out. */
export function event(
  type: number,
  body: readonly Buffer[],
  options: EventOptions & { checksum?: boolean } = {},
): Buffer {
  const content = Buffer.concat(body)
  const withChecksum = options.checksum ?? true
  const size = 19 + content.length + (withChecksum ? 4 : 0)
  const bytes = Buffer.concat([
    int(options.timestamp ?? 1_700_000_000, 4),
    int(type, 1),
    int(options.serverId ?? 7, 4),
    int(size, 4),
    int(options.endPosition ?? 0, 4),
    int(options.flags ?? 0, 2),
    content,
  ])
  return withChecksum ? Buffer.concat([bytes, int(checksumOf(bytes, 0, bytes.length), 4)]) : bytes
}

export function formatDescription(version = '8.4.0', algorithm = 1, options: EventOptions = {}): Buffer {
  const name = Buffer.alloc(50)
  name.write(version)
  return event(
    EventType.FORMAT_DESCRIPTION,
    [int(4, 2), name, int(0, 4), int(19, 1), Buffer.alloc(42, 8), int(algorithm, 1)],
    options,
  )
}

/** The event that begins a dump. */
export function artificialRotate(file: string, offset: number | bigint, checksum = true): Buffer {
  return event(EventType.ROTATE, [int(offset, 8), Buffer.from(file)], { timestamp: 0, flags: 0x20, checksum })
}

export function query(sql: string, schema = 'shop', options: EventOptions = {}): Buffer {
  return event(EventType.QUERY, queryBody(sql, schema), options)
}

export function queryBody(sql: string, schema = 'shop'): Buffer[] {
  return [
    int(1, 4),
    int(0, 4),
    int(schema.length, 1),
    int(0, 2),
    int(0, 2),
    Buffer.from(schema),
    int(0, 1),
    Buffer.from(sql),
  ]
}

export const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562'

export function gtid(number: number | bigint, options: EventOptions = {}): Buffer {
  const uuid = Buffer.from(UUID.replaceAll('-', ''), 'hex')
  return event(
    EventType.GTID,
    [int(1, 1), uuid, int(number, 8), int(2, 1), Buffer.alloc(16), int(1_700_000_000_123_456n, 7)],
    options,
  )
}

export function xid(options: EventOptions = {}): Buffer {
  return event(EventType.XID, [int(9, 8)], options)
}

/** `shop.users (id int primary key)` with its column names, or without. */
export function tableMap(id = 1, name = 'users', named = true): Buffer {
  return event(EventType.TABLE_MAP, tableMapBody(id, name, named))
}

export function tableMapBody(id = 1, name = 'users', named = true): Buffer[] {
  const metadata = named ? [int(4, 1), int(3, 1), counted('id'), int(8, 1), int(1, 1), int(0, 1)] : []
  return [
    int(id, 6),
    int(1, 2),
    counted('shop'),
    int(0, 1),
    counted(name),
    int(0, 1),
    int(1, 1),
    int(3, 1),
    int(0, 1),
    int(0, 1),
    ...metadata,
  ]
}

/** WRITE_ROWS version 2 of tables as in `tableMap`. */
export function insertRows(ids: readonly number[], tableId = 1): Buffer {
  return event(EventType.WRITE_ROWS, insertRowsBody(ids, tableId))
}

export function insertRowsBody(ids: readonly number[], tableId = 1): Buffer[] {
  return [int(tableId, 6), int(1, 2), int(2, 2), int(1, 1), int(1, 1), ...ids.flatMap((id) => [int(0, 1), int(id, 4)])]
}
