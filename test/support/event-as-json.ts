import { ByteArena } from '../../src/model/event/bytes/byte-arena.ts'
import { Change, type Transaction } from '../../src/model/event/change.ts'
import type { EventFormat } from '../../src/model/event/bytes/image-change.ts'
import { cloudEventOf } from '../../src/model/event/forms/cloud-event.ts'
import { toDebeziumEvent } from '../../src/model/event/forms/debezium-event.ts'
import { stringifyEvent, stringifyValue } from '../../src/model/event/forms/event-json.ts'
import type { TableDef } from '../../src/model/table/table.ts'
import { compileEventWriter } from '../../src/sources/mysql/binlog/event-bytes/event-writer.ts'
import { compileRowDecoder, type RowShape } from '../../src/sources/mysql/binlog/rows/row-decoder.ts'

export const TRANSACTION: Transaction = {
  id: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23',
  gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23',
  file: 'binlog.000002',
  offset: 4711,
  serverId: 1,
  timestampUs: 1_790_000_000_123_456,
  query: null,
}

const STRINGIFY: { readonly [format in EventFormat]: (change: Change) => string } = {
  event: stringifyEvent,
  debezium: (change) => stringifyValue(toDebeziumEvent(change)),
  cloudevents: (change) => stringifyValue(cloudEventOf(change)),
}

/** The events of the rows in `images` by way of decoded values: what writing from bytes has to be the same as. */
export function eventsByValues(
  table: TableDef,
  shape: RowShape,
  images: Buffer,
  query: string | null = null,
  format: EventFormat = 'event',
): string[] {
  const events: string[] = []
  const decode = compileRowDecoder(table, shape, { old: 'all', new: 'all' })
  decode(images, 0, images.length, (old, new_) => {
    events.push(STRINGIFY[format](new Change(table, shape.op, TRANSACTION, events.length, old, new_, query)))
  })
  return events
}

/** The same events, straight from the bytes; null for rows that are left to the decoder. */
export function eventsByBytes(
  table: TableDef,
  shape: RowShape,
  images: Buffer,
  query: string | null = null,
  arena = new ByteArena(),
  format: EventFormat = 'event',
): string[] | null {
  const writer = compileEventWriter(table, shape, format)
  if (writer === null) return null
  const events: string[] = []
  for (let at = 0; at < images.length; at = writer.rowEnd) {
    const to = writer.write(images, at, images.length, TRANSACTION, events.length, query, arena)
    events.push(arena.take(to).toString())
  }
  return events
}
