import { expect, test } from 'vitest'
import { Change } from '../../../../src/model/event/change.ts'
import { changedColumns, valuesEqual } from '../../../../src/model/event/changed-columns.ts'
import { toCloudEvent } from '../../../../src/model/event/forms/cloud-event.ts'
import {
  isoMicroseconds,
  stringifyEvent,
  stringifyValue,
  toChangeEvent,
} from '../../../../src/model/event/forms/event-json.ts'
import { keyChanged, rowKeyText } from '../../../../src/model/event/row-key.ts'
import { change, tableDef, transaction } from '../../../support/jobs.ts'
import { fc } from '../../../support/properties.ts'

test('an update event has the shape that the format promises, in that order', () => {
  const event = stringifyEvent(change('update', { id: 101, status: 0 }, { id: 101, status: 1 }))
  expect(event).toBe(
    '{"id":"3e11fa47-71ca-11e1-9e33-c80aa9429562:1/0","op":"update","schema":"shop","table":"users","key":{"id":101},' +
      '"old":{"id":101,"status":0},"new":{"id":101,"status":1},"changed":["status"],"ts":"2023-11-14T22:13:20.000001Z",' +
      '"gtid":"3e11fa47-71ca-11e1-9e33-c80aa9429562:1","position":{"file":"binlog.000001","offset":100},"serverId":1,' +
      '"txId":"3e11fa47-71ca-11e1-9e33-c80aa9429562:1","seq":0,"query":null}',
  )
})

test('the fast serialiser writes what the plain one does, whatever the values', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.bigInt({ min: 2n ** 60n, max: 2n ** 64n }),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 3 }),
    fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string()), { maxKeys: 3 }),
  )
  const columns = ['id', '__proto__', 'constructor', 'toJSON', '7', 'a"b']
  const row = fc.tuple(value, value, value, value, value, value).map((values) => {
    const made = Object.create(null) as { [column: string]: unknown }
    columns.forEach((column, i) => (made[column] = values[i]))
    return made as never
  })
  fc.assert(
    fc.property(row, row, (old, new_) => {
      const made = change('update', old, new_, 3, tableDef(columns))
      const text = stringifyEvent(made)
      expect(text).toBe(stringifyValue(toChangeEvent(made)))
      const bigintsAsText = (_key: string, each: unknown) => (typeof each === 'bigint' ? String(each) : each)
      expect(text).toBe(JSON.stringify(toChangeEvent(made), bigintsAsText))
    }),
  )
}, 60_000)

test('an integer above 2^53 is a decimal string in JSON', () => {
  expect(stringifyEvent(change('insert', null, { id: 2n ** 64n - 1n, status: 1 }))).toContain(
    '"key":{"id":"18446744073709551615"}',
  )
})

test('the id of a change depends on its transaction and its place in it alone', () => {
  const one = new Change(tableDef(), 'insert', transaction(7), 4, null, { id: 1 }, null)
  const replayed = new Change(tableDef(), 'insert', transaction(7), 4, null, { id: 1, status: 1 }, null)
  expect(one.id).toBe(replayed.id)
})

test('columns absent from a minimal after image are unchanged and not shown', () => {
  const made = change('update', { id: 1, status: 0 }, { status: 1 })
  expect(changedColumns(made.table, made)).toEqual(['status'])
  expect(stringifyEvent(made)).toContain('"key":{"id":1},"old":{"id":1,"status":0},"new":{"status":1}')
})

test('in an insert every column that is not NULL counts as changed', () => {
  expect(changedColumns(tableDef(), { old: null, new: { id: 1, status: null } } as never)).toEqual(['id'])
})

test('structures are compared by content', () => {
  expect(valuesEqual({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true)
  expect(valuesEqual({ a: [1] }, { a: [1, 2] })).toBe(false)
  expect(valuesEqual([], {})).toBe(false)
  expect(valuesEqual({ a: undefined }, { b: undefined })).toBe(false)
})

test('time keeps its microseconds', () => {
  expect(isoMicroseconds(1_763_632_800_123_456)).toBe('2025-11-20T10:00:00.123456Z')
})

test('a changed primary key is distinguished from a column that a minimal image omits', () => {
  const table = tableDef()
  expect(keyChanged(table, 'update', { id: 1 }, { id: 2 })).toBe(true)
  expect(keyChanged(table, 'update', { id: 1 }, { status: 2 })).toBe(false)
  expect(rowKeyText(table, { id: 1 }, { status: 2 })).toBe('shop\0users\x001')
})

test('a CloudEvent names schema, table and operation as its type', () => {
  const event = toCloudEvent(toChangeEvent(change('delete', { id: 5, status: 1 }, null)))
  expect(event).toMatchObject({ specversion: '1.0', type: 'shop.users.delete', subject: '5', source: '/bingo/1/shop' })
  expect(event.data.id).toBe(event.id)
})
