import { describe, expect, test } from 'vitest'
import type { OutboxColumn, OutboxMapping, OutboxRow } from '../../../src/outbox/mapping/contract.ts'
import { namedColumns, rowMapper } from '../../../src/outbox/mapping/row-mapper.ts'
import { mappingOf } from '../../../src/outbox/mapping/shapes.ts'

const ORIGIN = {
  table: 'shop.outbox',
  id: 'uuid:7/0',
  at: 1_764_320_400_123.7,
  instanceId: 'bingo-1',
  environment: 'default',
}

const ROWS: { readonly [shape: string]: OutboxRow } = {
  standard: {
    id: 'e-1',
    aggregate_id: 'order-17',
    event_type: 'orders.order.create',
    topic: 'orders',
    payload: { total: 12 },
    headers: { tenant: 'acme', retries: 2, gone: null },
  },
  debezium: {
    id: '406c07f3-26f0-4eea-a50c-109940064b8f',
    aggregatetype: 'Order',
    aggregateid: '1',
    type: 'OrderCreated',
    payload: '{"id": 1, "lines": [{"sku": "a"}], "note": null, "tags": []}',
  },
}

function columnsOf(row: OutboxRow, kinds: { readonly [name: string]: OutboxColumn['kind'] } = {}): OutboxColumn[] {
  return Object.keys(row).map((name) => ({ name, kind: kinds[name] ?? 'other' }))
}

/** Maps the row of the shape, with other values in some columns. */
function map(
  mapping: OutboxMapping,
  row: OutboxRow,
  kinds: { readonly [name: string]: OutboxColumn['kind'] } = {},
): ReturnType<ReturnType<typeof rowMapper>['map']> {
  return rowMapper(mapping, columnsOf(row, kinds)).map(row, ORIGIN)
}

function eventOf(...args: Parameters<typeof map>) {
  const mapped = map(...args)
  if (mapped.tag === 'refused') throw new Error(`${mapped.column}: ${mapped.message}`)
  return mapped.event
}

describe('a row of the standard outbox', () => {
  const standard = mappingOf('shop.outbox', 'standard')

  test('becomes an event with its type, key, payload, topic and headers', () => {
    expect(eventOf(standard, ROWS['standard']!, { payload: 'json', headers: 'json' })).toEqual({
      id: 'e-1',
      type: 'orders.order.create',
      source: 'outbox',
      key: 'order-17',
      payload: { total: 12 },
      context: { outbox: 'shop.outbox', topic: 'orders', headers: { tenant: 'acme', retries: '2' } },
      metadata: {},
      userId: null,
      sessionId: null,
      accountId: null,
      correlationId: null,
      causationId: null,
      traceparent: null,
      instanceId: 'bingo-1',
      environment: 'default',
      hops: 0,
      timestamp: 1_764_320_400_123,
      deliverAt: null,
      isTest: false,
    })
  })

  test('is the same where JSON is kept as text, as MariaDB does', () => {
    const text = { ...ROWS['standard'], payload: '{"total":12}', headers: '{"tenant":"acme","retries":2}' }
    expect(eventOf(standard, text)).toEqual(eventOf(standard, ROWS['standard']!, { payload: 'json', headers: 'json' }))
  })

  test('has an id that tells its table where that is a number', () => {
    expect(eventOf(standard, { ...ROWS['standard'], id: 17 }).id).toBe('shop.outbox:17')
  })

  test('has the topic as its type where it names none', () => {
    expect(eventOf(standard, { ...ROWS['standard'], event_type: null }).type).toBe('orders')
  })

  test('needs no column of headers, and reads columns in any letter case', () => {
    const { headers: _headers, ...row } = ROWS['standard']!
    const upper = Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toUpperCase(), value]))
    expect(eventOf(standard, upper, { PAYLOAD: 'json' })).toMatchObject({ id: 'e-1', context: { headers: {} } })
  })

  test.each([
    ['id', null],
    ['id', ''],
    ['id', 'two words'],
    ['id', 'x'.repeat(256)],
    ['topic', null],
    ['event_type', 'orders.*'],
    ['event_type', 'Order Created'],
    ['payload', null],
    ['headers', '[1]'],
    ['headers', 'text'],
    ['headers', '{"bingo-event-id": "x"}'],
    ['headers', '{"two words": "x"}'],
    ['aggregate_id', 'x'.repeat(513)],
  ])('is refused for %s = %j', (column, value) => {
    const mapped = map(standard, { ...ROWS['standard'], [column]: value })
    expect(mapped).toMatchObject({ tag: 'refused', column })
  })

  test('is refused when the table has no such column, whatever is in the others', () => {
    const { topic: _topic, ...row } = ROWS['standard']!
    const mapper = rowMapper(standard, columnsOf(row))
    expect(mapper.missing).toEqual(['topic'])
    expect(mapper.map(row, ORIGIN)).toMatchObject({ tag: 'refused', column: 'topic' })
  })

  test('is refused without showing what is in it', () => {
    const mapped = map(standard, { ...ROWS['standard'], headers: 'secret', event_type: 'secret secret' })
    expect(JSON.stringify(mapped)).not.toContain('secret')
  })
})

describe('the cases of Debezium’s event router, row in and message out', () => {
  const debezium = mappingOf('shop.outbox', 'debezium')

  test('the topic is made of the aggregate type, the key of its id, and the id is a header', () => {
    const { id, key, type, context } = eventOf(debezium, ROWS['debezium']!)
    expect({ id, key, type, context }).toEqual({
      id: '406c07f3-26f0-4eea-a50c-109940064b8f',
      key: '1',
      type: 'OrderCreated',
      context: {
        outbox: 'shop.outbox',
        topic: 'outbox.event.Order',
        headers: { id: '406c07f3-26f0-4eea-a50c-109940064b8f' },
      },
    })
  })

  const expanded = { id: 1, lines: [{ sku: 'a' }], note: null, tags: [] }
  test.each<readonly [string, Partial<OutboxMapping>, OutboxRow[string], unknown]>([
    ['JSON text is expanded', {}, ROWS['debezium']!['payload'], expanded],
    ['JSON text stays text without expansion', { expand: false }, '{"a":1}', '{"a":1}'],
    [
      'nulls and empty lists can be dropped',
      { dropNulls: true },
      ROWS['debezium']!['payload'],
      { id: 1, lines: [{ sku: 'a' }] },
    ],
    ['a list on top is expanded', {}, '[{"a":1}]', [{ a: 1 }]],
    ['a number is no container and stays text', {}, '42', '42'],
    ['a quoted string stays text', {}, '"text"', '"text"'],
    ['text that only begins like JSON stays text', {}, '{not json', '{not json'],
    ['an integer that no double holds stays exact', {}, '{"n":9007199254740993}', { n: 9_007_199_254_740_993n }],
    ['blank text is sent as it is', {}, '  ', '  '],
    ['blank text is a tombstone where these are wanted', { tombstone: true }, '  ', null],
    ['NULL is a tombstone where these are wanted', { tombstone: true }, null, null],
  ])('%s', (_case, options, payload, expected) => {
    expect(eventOf({ ...debezium, ...options }, { ...ROWS['debezium'], payload }).payload).toEqual(expected)
  })

  test('NULL without tombstones is refused', () => {
    expect(map(debezium, { ...ROWS['debezium'], payload: null })).toMatchObject({ tag: 'refused', column: 'payload' })
  })

  test('a payload of bytes is read as text in UTF-8, and stays base64 where it is none', () => {
    const bytes = (value: string, encoding: BufferEncoding): string => Buffer.from(value, encoding).toString('base64')
    const payloadOf = (payload: string): unknown =>
      eventOf(debezium, { ...ROWS['debezium'], payload }, { payload: 'binary' }).payload
    expect(payloadOf(bytes('{"a":"ä"}', 'utf8'))).toEqual({ a: 'ä' })
    expect(payloadOf(bytes('ff00fe', 'hex'))).toBe('/wD+')
  })

  test('an id in 16 bytes is written as a UUID', () => {
    const id = Buffer.from('406c07f326f04eeaa50c109940064b8f', 'hex').toString('base64')
    const event = eventOf(debezium, { ...ROWS['debezium'], id }, { id: 'binary' })
    expect(event.id).toBe('406c07f3-26f0-4eea-a50c-109940064b8f')
    expect(event.context['headers']).toEqual({ id: event.id })
  })

  test('additional columns go into headers or into one object with the payload', () => {
    const additional = [
      { column: 'type', name: 'eventType', placement: 'header' },
      { column: 'version', name: 'v', placement: 'envelope' },
      { column: 'tenant', name: 'tenant', placement: 'envelope' },
      { column: 'note', name: 'note', placement: 'header' },
    ] as const
    const row = { ...ROWS['debezium'], version: 3, tenant: null, note: null }
    expect(eventOf({ ...debezium, additional }, row).context).toEqual({
      outbox: 'shop.outbox',
      topic: 'outbox.event.Order',
      headers: { eventType: 'OrderCreated' },
      envelope: { v: 3, tenant: null },
    })
  })

  test('a column that is to be added and is missing refuses the row', () => {
    const additional = [{ column: 'version', name: 'v', placement: 'envelope' }] as const
    expect(map({ ...debezium, additional }, ROWS['debezium']!)).toMatchObject({ tag: 'refused', column: 'version' })
  })

  test.each([
    [1_764_320_400_123, 1_764_320_400_123],
    ['2025-11-28 09:00:00.250', Date.UTC(2025, 10, 28, 9, 0, 0, 250)],
    ['2025-11-28T09:00:00.250000Z', Date.UTC(2025, 10, 28, 9, 0, 0, 250)],
    [null, 1_764_320_400_123],
  ])('the time %j of a column is that of the event', (created, at) => {
    const mapping = { ...debezium, fields: { ...debezium.fields, timestamp: { column: 'created' } } }
    expect(eventOf(mapping, { ...ROWS['debezium'], created }).timestamp).toBe(at)
  })

  test.each(['0000-00-00 00:00:00', 'yesterday', -1, 1e15])('the time %j refuses the row', (created) => {
    const mapping = { ...debezium, fields: { ...debezium.fields, timestamp: { column: 'created' } } }
    expect(map(mapping, { ...ROWS['debezium'], created })).toMatchObject({ tag: 'refused', column: 'created' })
  })
})

describe('a table with columns of its own', () => {
  const base = mappingOf('shop.events', 'standard')
  const own: OutboxMapping = {
    ...base,
    fields: {
      ...base.fields,
      id: null,
      type: { value: 'orders.changed' },
      typeElse: null,
      key: { column: 'order_no' },
      topic: null,
      payload: null,
      headers: null,
      texts: { userId: { column: 'by_user' }, correlationId: { column: 'trace' } },
    },
  }

  test('has the whole row as payload and the id of the change where no column is named', () => {
    const row = { order_no: 17n, by_user: 'anna', trace: null, total: '12.50' }
    expect(eventOf(own, row)).toMatchObject({
      id: 'uuid:7/0',
      type: 'orders.changed',
      key: '17',
      payload: row,
      userId: 'anna',
      correlationId: null,
      context: { topic: null },
    })
  })

  test('knows which columns it needs', () => {
    expect(namedColumns(own)).toEqual(['order_no', 'by_user', 'trace'])
  })
})
