import { describe, expect, test } from 'vitest'
import type { OutboxMapping, OutboxRow } from '../../../src/outbox/mapping/contract.ts'
import { added, bytes, DEBEZIUM, DEFAULT, mapped, ROW } from '../../support/debezium-message.ts'
import type { Kinds, Message } from '../../support/debezium-message.ts'

/** Payloads: cases of the tests of Debezium's own router, as rows in and messages out. What both do alike, and what BinGo does otherwise. */

test.each<readonly [string, OutboxMapping, OutboxRow, Kinds, Partial<Message>]>([
  [
    'a payload of bytes that is no JSON',
    DEBEZIUM,
    { ...ROW, payload: bytes('a binary message') },
    { payload: 'binary' },
    { value: 'a binary message' },
  ],
  [
    'nulls in a list stay, nulls in objects need not',
    { ...DEBEZIUM, dropNulls: true },
    { ...ROW, payload: '{"numbers": [null, 2, 3], "list": [{"adr": null, "eans": []}], "no": null}' },
    {},
    { value: { numbers: [null, 2, 3], list: [{}] } },
  ],
  [
    'numbers, booleans and lists of an object',
    DEBEZIUM,
    { ...ROW, payload: '{"enabled": true, "rating": 4.9, "age": 42, "pets": ["dog", "cat"]}' },
    {},
    { value: { enabled: true, rating: 4.9, age: 42, pets: ['dog', 'cat'] } },
  ],
  [
    'JSON that is broken stays text',
    DEBEZIUM,
    { ...ROW, payload: '{"fullName": "John' },
    {},
    { value: '{"fullName": "John' },
  ],
  [
    'an empty list beside one that is not: both stay',
    DEBEZIUM,
    { ...ROW, payload: '{"pets": [{"type": "dog", "colors": []}, {"type": "cat", "colors": [{"name": "white"}]}]}' },
    {},
    {
      value: {
        pets: [
          { type: 'dog', colors: [] },
          { type: 'cat', colors: [{ name: 'white' }] },
        ],
      },
    },
  ],
  [
    'an empty list alone can be dropped',
    { ...DEBEZIUM, dropNulls: true },
    { ...ROW, payload: '{"fullName": "John Doe", "pets": [{"type": "dog", "colors": []}]}' },
    {},
    { value: { fullName: 'John Doe', pets: [{ type: 'dog' }] } },
  ],
  [
    'objects within lists of objects, with or without nulls',
    { ...DEBEZIUM, dropNulls: true },
    {
      ...ROW,
      payload:
        '{"id": "1028cbab", "attributes": [{"id": "10911586", "adr": null, "eans": [{"code": "2007000013656"}, {"code": "2000630108556"}], "returns": false}]}',
    },
    {},
    {
      value: {
        id: '1028cbab',
        attributes: [{ id: '10911586', eans: [{ code: '2007000013656' }, { code: '2000630108556' }], returns: false }],
      },
    },
  ],
  [
    'lists whose objects have other members each, and lists of lists',
    DEBEZIUM,
    {
      ...ROW,
      payload: '{"list": [{"code": "100", "note": null}, {"code": "300"}], "nested": [{"sub": [-1, null]}, {}]}',
    },
    {},
    { value: { list: [{ code: '100', note: null }, { code: '300' }], nested: [{ sub: [-1, null] }, {}] } },
  ],
  [
    'members that are null stay, as they do there when asked for',
    DEBEZIUM,
    { ...ROW, payload: '{"heartbeat": 1, "email": null}' },
    {},
    { value: { heartbeat: 1, email: null } },
  ],
  ['an object without members', DEBEZIUM, { ...ROW, payload: '{}' }, {}, { value: {} }],
  [
    'with tombstones asked for, a payload that is not blank is sent',
    { ...added(['is_deleted', 'deleted', 'envelope']), tombstone: true },
    { ...ROW, payload: '{}', is_deleted: true },
    {},
    { headers: {}, value: {}, envelope: { deleted: true }, sent: { payload: {}, deleted: true } },
  ],
  [
    'with tombstones asked for, a blank payload is one, whatever the envelope would hold',
    { ...added(['is_deleted', 'deleted', 'envelope']), tombstone: true },
    { ...ROW, payload: '', is_deleted: true },
    {},
    { headers: {}, value: null, envelope: { deleted: true } },
  ],
  [
    'without tombstones, a blank payload is sent in its envelope',
    added(['is_deleted', 'deleted', 'envelope']),
    { ...ROW, payload: '', is_deleted: true },
    {},
    { headers: {}, value: '', envelope: { deleted: true }, sent: { payload: '', deleted: true } },
  ],
  ['without tombstones, a blank payload is sent', DEBEZIUM, { ...ROW, payload: '' }, {}, { value: '' }],
  [
    'a blank payload of bytes is a tombstone too',
    { ...DEBEZIUM, tombstone: true },
    { ...ROW, payload: bytes('  ') },
    { payload: 'binary' },
    { value: null },
  ],
  [
    'a deletion: no payload, and what says so beside it',
    { ...added(['is_deleted', 'deleted', 'header']), tombstone: true },
    { ...ROW, payload: '', is_deleted: true },
    {},
    { headers: { deleted: 'true' }, value: null },
  ],
])('%s', (_case, mapping, row, kinds, expected) => {
  expect(mapped(mapping, row, kinds)).toEqual({ ...DEFAULT, ...expected })
})

describe('otherwise than Debezium', () => {
  test('a payload that is NULL is refused where no tombstones are wanted', () => {
    expect(mapped(DEBEZIUM, { ...ROW, payload: null })).toEqual({ refused: 'payload' })
  })

  test.each([
    ['whole and broken numbers', '{"test": [1, 2.0, 3.5]}', { test: [1, 2, 3.5] }],
    ['numbers and texts', '[1, "some string"]', [1, 'some string']],
    ['objects and lists', '[{"test": [1]}, [1]]', [{ test: [1] }, [1]]],
    ['objects whose members differ in type', '{"a": [{"d": "x"}, {"d": true}]}', { a: [{ d: 'x' }, { d: true }] }],
    [
      'nulls alone, and objects',
      '{"a": [{"s": [null]}, {"s": [{"c": 1}]}]}',
      { a: [{ s: [null] }, { s: [{ c: 1 }] }] },
    ],
  ])('a list of %s is expanded, where there it stays text', (_what, payload, value) => {
    expect(mapped(DEBEZIUM, { ...ROW, payload })).toMatchObject({ value })
  })

  test('every empty list goes with `dropNulls`, where there one stays whose neighbours say what it would hold', () => {
    const payload = '{"pets": [{"colors": []}, {"colors": [{"name": "white"}]}]}'
    const value = { pets: [{}, { colors: [{ name: 'white' }] }] }
    expect(mapped({ ...DEBEZIUM, dropNulls: true }, { ...ROW, payload })).toMatchObject({ value })
  })

  test('names of members stay as they are, whatever a schema of Avro would make of them', () => {
    expect(mapped(DEBEZIUM, { ...ROW, payload: '{"test$": 1}' })).toMatchObject({ value: { test$: 1 } })
  })

  test('blanks before JSON do not keep it from being expanded', () => {
    expect(mapped(DEBEZIUM, { ...ROW, payload: '\n[1]' })).toMatchObject({ value: [1] })
  })

  test('JSON is expanded unless text is asked for', () => {
    const row = { ...ROW, payload: '{"age": 42}' }
    expect(mapped(DEBEZIUM, row)).toMatchObject({ value: { age: 42 } })
    expect(mapped({ ...DEBEZIUM, expand: false }, row)).toMatchObject({ value: '{"age": 42}' })
  })
})
