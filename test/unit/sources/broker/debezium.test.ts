import { describe, expect, test } from 'vitest'
import { Change, type Transaction } from '../../../../src/model/event/change.ts'
import type { Row, RowOp } from '../../../../src/model/event/row.ts'
import { debeziumKey, toDebeziumEvent } from '../../../../src/model/event/forms/debezium-event.ts'
import { stringifyValue } from '../../../../src/model/event/forms/event-json.ts'
import { valueKind } from '../../../../src/model/table/value-kind.ts'
import { defineTable } from '../../../../src/sources/custom/table.ts'
import { codecOf, decode, recordOf, rowOf } from '../../../support/broker-record.ts'

const SOURCE = {
  connector: 'mysql',
  name: 'server',
  ts_ms: 1_764_324_000_123,
  db: 'shop',
  table: 'orders',
  server_id: 223344,
  gtid: null,
  file: 'binlog.000003',
  pos: 805,
  row: 0,
}
const envelope = (op: string, before: object | null, after: object | null, source: object = SOURCE) => ({
  before,
  after,
  source,
  op,
  ts_ms: 1_764_324_000_500,
})
const plain = (row: Row | null): object | null => row && { ...row }

/** With the schema of Debezium's JSON converter; `fields` describe the columns. */
function described(fields: readonly object[], after: object, source: object = SOURCE) {
  const struct = (field: string) => ({ type: 'struct', optional: true, field, fields })
  return {
    schema: { type: 'struct', name: 'server.shop.orders.Envelope', fields: [struct('before'), struct('after')] },
    payload: envelope('c', null, after, source),
  }
}

function valueOf(field: object, value: unknown, source: object = SOURCE): unknown {
  const row = rowOf(decode('debezium', described([{ field: 'v', optional: true, ...field }], { v: value }, source)))
  return row.new!['v']
}

describe('a row event of Debezium', () => {
  test.each<[string, RowOp, object | null, object | null]>([
    ['c', 'insert', null, { id: 1, status: 'new' }],
    ['r', 'insert', null, { id: 1, status: 'new' }],
    ['u', 'update', { id: 1, status: 'new' }, { id: 1, status: 'paid' }],
    ['d', 'delete', { id: 1, status: 'paid' }, null],
  ])('with op %s is an %s of database.table', (op, operation, before, after) => {
    const row = rowOf(decode('debezium', envelope(op, before, after), { key: { id: 1 } }))
    expect([row.table.schema, row.table.name, row.op]).toEqual(['shop', 'orders', operation])
    expect([plain(row.old), plain(row.new)]).toEqual([before, after])
    expect(row.table.key.map((index) => row.table.columns[index]!.name)).toEqual(['id'])
  })

  test('comes with its schema or without, and so does its key', () => {
    const key = { schema: { type: 'struct', fields: [{ field: 'id', type: 'int64' }] }, payload: { id: 1 } }
    const bare = rowOf(decode('debezium', envelope('c', null, { id: 1 }), { key: { id: 1 } }))
    const full = rowOf(decode('debezium', described([{ field: 'id', type: 'int64' }], { id: 1 }), { key }))
    expect([plain(full.new), full.table.key]).toEqual([plain(bare.new), bare.table.key])
  })

  test('has the place and the time of its source', () => {
    const [decoded] = decode(
      'debezium',
      envelope('c', null, { id: 1 }, { ...SOURCE, ts_us: 1_764_324_000_123_456, gtid: 'u:7' }),
    )
    expect(decoded).toMatchObject({
      origin: {
        txId: 'shop.orders/0/7',
        seq: 0,
        timestampUs: 1_764_324_000_123_456,
        gtid: 'u:7',
        file: 'binlog.000003',
        offset: 805,
        serverId: 223344,
      },
    })
  })

  test('of PostgreSQL without a full replica identity has the key as its old row, and no value that is not in the log', () => {
    const source = { connector: 'postgresql', db: 'app', schema: 'public', table: 'orders', ts_ms: 1 }
    const after = { id: 1, status: 'paid', note: '__debezium_unavailable_value' }
    const row = rowOf(decode('debezium', envelope('u', null, after, source), { key: { id: 1 } }))
    expect([plain(row.old), plain(row.new)]).toEqual([{ id: 1 }, { id: 1, status: 'paid' }])
    expect(row.table.schema).toBe('public')
  })

  test.each([
    ['a tombstone', null],
    ['a heartbeat', { ts_ms: 1 }],
    ['a transaction boundary', { status: 'END', id: '1', event_count: 2, data_collections: [] }],
  ])('%s says nothing', (_what, value) => {
    expect(decode('debezium', value)).toEqual([])
  })

  test('a TRUNCATE and a schema change are statements', () => {
    expect(decode('debezium', envelope('t', null, null))).toMatchObject([
      { tag: 'statement', statement: { kind: 'truncate', tables: [{ schema: 'shop', table: 'orders' }] } },
    ])
    const ddl = {
      source: SOURCE,
      databaseName: 'shop',
      ddl: 'ALTER …',
      tableChanges: [{ type: 'ALTER', id: '"shop"."orders"' }],
    }
    expect(decode('debezium', ddl)).toMatchObject([
      { tag: 'statement', statement: { kind: 'ddl', tables: [{ schema: 'shop', table: 'orders' }], sql: 'ALTER …' } },
    ])
  })

  test.each([
    ['{"op":', 'not JSON'],
    ['[1]', 'not a map'],
    [{ id: 1, status: 'new' }, 'ExtractNewRecordState'],
    [envelope('x', null, { id: 1 }), 'unknown operation'],
    [envelope('u', { id: 1 }, null), 'no "after"'],
    [envelope('d', null, null), 'no "before"'],
    [{ op: 'c', after: { id: 1 } }, 'no source'],
    [envelope('c', null, { id: 1 }, { db: 'shop' }), 'names no table'],
    [{ op: 'c', after: 'text', source: SOURCE }, 'not a map'],
    ['{"op":"c","op":"u"}', 'twice'],
  ])('%j is refused: %s', (value, words) => {
    expect(() => decode('debezium', value)).toThrow(expect.objectContaining({ code: 'BINGO_RECORD_INVALID' }) as Error)
    let error = { message: '', hint: '' }
    try {
      decode('debezium', value)
    } catch (thrown) {
      error = thrown as typeof error
    }
    expect(`${error.message} ${error.hint ?? ''}`).toContain(words)
  })
})

describe('values of Debezium, as a binlog has them', () => {
  const decimal = (scale: number) => ({
    type: 'bytes',
    name: 'org.apache.kafka.connect.data.Decimal',
    parameters: { scale: String(scale) },
  })
  const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64')

  test.each<[string, object, unknown, unknown]>([
    ['DATE as days', { type: 'int32', name: 'io.debezium.time.Date' }, 20_785, '2026-11-28'],
    ['DATE before 1970', { type: 'int32', name: 'io.debezium.time.Date' }, -1, '1969-12-31'],
    ['DATE of Connect', { type: 'int32', name: 'org.apache.kafka.connect.data.Date' }, 0, '1970-01-01'],
    [
      'DATETIME in milliseconds',
      { type: 'int64', name: 'io.debezium.time.Timestamp' },
      1_795_860_672_500,
      '2026-11-28 10:11:12.500',
    ],
    [
      'DATETIME in microseconds',
      { type: 'int64', name: 'io.debezium.time.MicroTimestamp' },
      1_795_860_672_000_001,
      '2026-11-28 10:11:12.000001',
    ],
    [
      'DATETIME in nanoseconds before 1970',
      { type: 'int64', name: 'io.debezium.time.NanoTimestamp' },
      -1_000,
      '1969-12-31 23:59:59.999999',
    ],
    [
      'a whole second',
      { type: 'int64', name: 'io.debezium.time.MicroTimestamp' },
      1_795_860_672_000_000,
      '2026-11-28 10:11:12',
    ],
    ['TIME', { type: 'int64', name: 'io.debezium.time.MicroTime' }, 3_661_500_000, '01:01:01.500'],
    ['a negative TIME', { type: 'int64', name: 'io.debezium.time.MicroTime' }, -3_020_399_000_000, '-838:59:59'],
    ['TIME of Connect', { type: 'int32', name: 'org.apache.kafka.connect.data.Time' }, 1_000, '00:00:01'],
    [
      'TIMESTAMP',
      { type: 'string', name: 'io.debezium.time.ZonedTimestamp' },
      '2026-11-28T10:11:12Z',
      '2026-11-28T10:11:12Z',
    ],
    ['YEAR', { type: 'int32', name: 'io.debezium.time.Year' }, 2026, 2026],
    ['DECIMAL, precise', decimal(2), base64('07c6'), '19.90'],
    ['a negative DECIMAL', decimal(3), base64('ff'), '-0.001'],
    ['a DECIMAL without a fraction', decimal(0), base64('00ffffffffffffffff'), '18446744073709551615'],
    ['DECIMAL as text', { type: 'string' }, '19.90', '19.90'],
    ['DECIMAL as double', { type: 'double' }, 19.9, 19.9],
    [
      'a DECIMAL with its own scale',
      { type: 'struct', name: 'io.debezium.data.VariableScaleDecimal' },
      { scale: 1, value: base64('0f') },
      '1.5',
    ],
    ['BLOB as base64', { type: 'bytes' }, 'yv4=', 'yv4='],
    ['BIT(10)', { type: 'bytes', name: 'io.debezium.data.Bits', parameters: { length: '10' } }, base64('0102'), 513],
    ['BIT(1)', { type: 'boolean' }, true, 1],
    ['JSON', { type: 'string', name: 'io.debezium.data.Json' }, '{"a":[1,2]}', { a: [1, 2] }],
    ['ENUM', { type: 'string', name: 'io.debezium.data.Enum' }, 'paid', 'paid'],
    ['SET', { type: 'string', name: 'io.debezium.data.EnumSet' }, 'a,c', ['a', 'c']],
    ['an empty SET', { type: 'string', name: 'io.debezium.data.EnumSet' }, '', []],
    ['NULL', { type: 'int32', name: 'io.debezium.time.Date' }, null, null],
    [
      'POINT',
      { type: 'struct', name: 'io.debezium.data.geometry.Geometry' },
      { wkb: base64('01010000000000000000002a400000000000404a40'), srid: null },
      { type: 'Point', coordinates: [13, 52.5] },
    ],
  ])('%s', (_what, field, value, wanted) => {
    expect(valueOf(field, value)).toEqual(wanted)
  })

  test('a BIGINT beyond 2^53 is exact', () => {
    const text = JSON.stringify(envelope('c', null, { id: 1 })).replace('"id":1', '"id":9007199254740993')
    expect(rowOf(decode('debezium', text)).new!['id']).toBe(9007199254740993n)
  })

  test('JSON of MariaDB stays a text, and a boolean of PostgreSQL a boolean', () => {
    const json = { type: 'string', name: 'io.debezium.data.Json' }
    expect(valueOf(json, '{"a":1}', { ...SOURCE, connector: 'mariadb' })).toBe('{"a":1}')
    expect(valueOf({ type: 'boolean' }, true, { ...SOURCE, connector: 'postgresql', schema: 'public' })).toBe(true)
  })

  test('columns have the kinds that their schema says, also where all values are null', () => {
    const fields = [
      { field: 'id', type: 'int64' },
      { field: 'price', type: 'double', optional: true },
      { field: 'day', type: 'int32', name: 'io.debezium.time.Date', optional: true },
    ]
    const { table } = rowOf(decode('debezium', described(fields, { id: 1, price: null, day: null })))
    expect(table.columns.map((column) => valueKind(column))).toEqual(['int', 'float', 'string'])
  })

  test('a table is the same object until something new is seen', () => {
    const codec = codecOf('debezium')
    const tableOf = (after: object) =>
      rowOf(codec.decode(recordOf(envelope('c', null, after), { key: { id: 1 } }))).table
    const first = tableOf({ id: 1, price: null })
    expect(tableOf({ id: 2, price: null })).toBe(first)
    const second = tableOf({ id: 3, price: 2 })
    expect(tableOf({ id: 4, price: 3 })).toBe(second)
    expect(valueKind(tableOf({ id: 5, price: 2.5 }).columns[1]!)).toBe('float')
    expect(valueKind(tableOf({ id: 6, price: 2 }).columns[1]!)).toBe('float')
  })
})

describe('what BinGo writes as Debezium', () => {
  const table = defineTable({
    schema: 'shop',
    name: 'orders',
    columns: { id: 'int', total: 'string', price: 'float', tags: 'json', note: 'string' },
    key: ['id'],
  })
  const transaction: Transaction = {
    id: 'uuid:42',
    gtid: 'uuid:42',
    file: 'binlog.000003',
    offset: 157,
    serverId: 1,
    timestampUs: 1_764_324_000_123_456,
    query: null,
  }
  const row = (values: object): Row => Object.assign(Object.create(null) as object, values) as Row

  test.each<[RowOp, Row | null, Row | null]>([
    ['insert', null, row({ id: 1, total: '19.90', price: 1.5, tags: ['a'], note: null })],
    [
      'update',
      row({ id: 1, total: '19.90', price: 1.5, tags: [], note: 'x' }),
      row({ id: 1, total: '20.00', price: 2, tags: [{ a: 1 }], note: 'y' }),
    ],
    ['delete', row({ id: 1, total: '0', price: 1, tags: null, note: '' }), null],
  ])('is read back as the same %s, with the same id', (op, old, new_) => {
    const change = new Change(table, op, transaction, 3, old, new_, null)
    const headers = new Map([['bingo-event-id', change.id]])
    const record = recordOf(stringifyValue(toDebeziumEvent(change)), { key: debeziumKey(change), headers })
    const [decoded] = codecOf('debezium').decode(record)
    expect(decoded).toMatchObject({
      tag: 'row',
      row: { op },
      origin: {
        txId: 'uuid:42',
        seq: 3,
        gtid: 'uuid:42',
        file: 'binlog.000003',
        offset: 157,
        serverId: 1,
        timestampUs: 1_764_324_000_123_456,
      },
    })
    const back = rowOf([decoded!])
    expect([plain(back.old), plain(back.new)]).toEqual([plain(old), plain(new_)])
    expect([back.table.schema, back.table.name, back.table.key.length]).toEqual(['shop', 'orders', 1])
  })
})
