import { describe, expect, test } from 'vitest'
import { toCloudEvent } from '../../../../src/model/event/forms/cloud-event.ts'
import { stringifyEvent, toChangeEvent } from '../../../../src/model/event/forms/event-json.ts'
import { Change, type Transaction } from '../../../../src/model/event/change.ts'
import type { Row } from '../../../../src/model/event/row.ts'
import { defineTable } from '../../../../src/sources/custom/table.ts'
import { codecOf, decode, recordOf, rowOf } from '../../../support/broker-record.ts'

const table = defineTable({ schema: 'shop', name: 'users', columns: { id: 'int', name: 'string' }, key: ['id'] })
const transaction: Transaction = {
  id: 'uuid:42',
  gtid: 'uuid:42',
  file: 'binlog.000003',
  offset: 157,
  serverId: 1,
  timestampUs: 1_764_324_000_123_456,
  query: null,
}
const change = new Change(table, 'update', transaction, 5, { id: 1, name: 'a' }, { id: 1, name: 'b' }, null)
const plain = (row: Row | null): object | null => row && { ...row }
const ORIGIN = {
  txId: 'uuid:42',
  seq: 5,
  gtid: 'uuid:42',
  offset: 157,
  serverId: 1,
  timestampUs: 1_764_324_000_123_456,
}

describe('BinGo’s own events', () => {
  test('of a row are read back as the same change with the same id', () => {
    const [decoded] = decode('bingo', stringifyEvent(change))
    expect(decoded).toMatchObject({ tag: 'row', origin: ORIGIN })
    const row = rowOf([decoded!])
    expect([row.op, plain(row.old), plain(row.new)]).toEqual(['update', { id: 1, name: 'a' }, { id: 1, name: 'b' }])
    expect(row.table.key).toEqual([0])
  })

  test('several of one message are all read', () => {
    expect(decode('bingo', `{"events":[${stringifyEvent(change)},{"type":"a.b","payload":1}]}`)).toHaveLength(2)
  })

  test('that were posted keep what they say, and count a hop', () => {
    const posted = {
      id: 'e1',
      type: 'orders.created',
      key: null,
      payload: { n: 1 },
      userId: '7',
      hops: 2,
      timestamp: '2026-11-28T10:00:00.000Z',
      isTest: true,
    }
    expect(decode('bingo', posted, { key: 'record' })).toMatchObject([
      {
        tag: 'event',
        event: {
          id: 'e1',
          type: 'orders.created',
          key: null,
          userId: '7',
          hops: 3,
          timestamp: 1_795_860_000_000,
          isTest: true,
          source: 'orders',
        },
      },
    ])
  })

  test('that went round in a circle are refused', () => {
    expect(() => decode('bingo', { type: 'a.b', hops: 16 })).toThrow('published 17 times')
  })

  test.each([
    [{ op: 'insert', schema: 'shop', table: 'users', old: null, new: null }],
    [{ op: 'insert', schema: 'shop', new: { id: 1 } }],
    [{ op: 'gap', schema: '', table: '', new: {} }],
    [{ type: 'a.b', id: 7 }],
    [{ type: 'a.b', timestamp: 'yesterday' }],
    [{ type: 'x'.repeat(300) }],
    [{ payload: 1 }],
    [{ events: [1] }],
  ])('%j is refused', (value) => {
    expect(() => decode('bingo', value)).toThrow(expect.objectContaining({ code: 'BINGO_RECORD_INVALID' }) as Error)
  })
})

describe('CloudEvents', () => {
  const event = {
    specversion: '1.0',
    id: 'c1',
    source: '/shop',
    type: 'orders.created',
    subject: 'o1',
    time: '2026-11-28T10:00:00Z',
    data: { n: 1 },
    correlationid: 'x',
  }
  const wanted = {
    tag: 'event',
    event: {
      id: 'c1',
      source: '/shop',
      type: 'orders.created',
      key: 'o1',
      payload: { n: 1 },
      correlationId: 'x',
      timestamp: 1_795_860_000_000,
    },
  }

  test('are read structured, in batches and binary', () => {
    expect(decode('cloudevents', event)).toMatchObject([wanted])
    expect(decode('cloudevents', [event, { ...event, id: 'c2' }])).toHaveLength(2)
    for (const prefix of ['ce_', 'ce-']) {
      const { data, ...attributes } = event
      const headers = new Map(Object.entries(attributes).map(([name, value]) => [`${prefix}${name}`, value]))
      expect(decode('cloudevents', data, { headers: headers.set('content-type', 'application/json') })).toMatchObject([
        wanted,
      ])
    }
  })

  test('binary ones of other content keep it', () => {
    const headers = new Map(Object.entries({ ce_specversion: '1.0', ce_id: '1', ce_source: 's', ce_type: 't' }))
    const payloadOf = (type: string) =>
      decode('cloudevents', 'hello', { headers: new Map(headers).set('content-type', type) })
    expect(payloadOf('text/plain')).toMatchObject([{ event: { payload: 'hello' } }])
    expect(payloadOf('image/png')).toMatchObject([{ event: { payload: Buffer.from('hello').toString('base64') } }])
  })

  test('that BinGo wrote of rows are rows again', () => {
    const decoded = decode('cloudevents', toCloudEvent(toChangeEvent(change)))
    expect(decoded).toMatchObject([{ tag: 'row', origin: ORIGIN }])
  })

  test.each([
    [{ ...event, specversion: '0.3' }],
    [{ ...event, id: '' }],
    [{ ...event, type: undefined }],
    ['text'],
    [[1]],
  ])('%j is refused', (value) => {
    expect(() => decode('cloudevents', value)).toThrow(
      expect.objectContaining({ code: 'BINGO_RECORD_INVALID' }) as Error,
    )
  })
})

describe('any JSON', () => {
  test('is the payload of an event that is called after its topic and its place, and keyed as its record', () => {
    expect(decode('json', { n: 1 }, { key: 'o1' })).toMatchObject([
      { event: { id: 'shop.orders/0/7', type: 'shop.orders', source: 'orders', key: 'o1', payload: { n: 1 } } },
    ])
    expect(codecOf('json', 'orders.created').decode(recordOf([1]))).toMatchObject([
      { event: { type: 'orders.created', key: null, payload: [1] } },
    ])
  })

  test('has the id and the correlation of its headers, where it was an event of BinGo', () => {
    const headers = new Map(Object.entries({ 'bingo-event-id': 'e1', 'bingo-correlation-id': 'c', traceparent: 't' }))
    expect(decode('json', 1, { headers })).toMatchObject([
      { event: { id: 'e1', correlationId: 'c', traceparent: 't' } },
    ])
  })

  test('that is none is refused, and so is what is not UTF-8', () => {
    expect(() => decode('json', '{')).toThrow('not JSON')
    expect(() => codecOf('json').decode({ ...recordOf(''), value: Buffer.from([0x22, 0xff, 0x22]) })).toThrow(
      'not UTF-8',
    )
  })
})
