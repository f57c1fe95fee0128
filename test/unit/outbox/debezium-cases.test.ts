import { describe, expect, test } from 'vitest'
import type { OutboxMapping, OutboxRow } from '../../../src/outbox/mapping/contract.ts'
import { rowMapper } from '../../../src/outbox/mapping/row-mapper.ts'
import {
  added,
  bytes,
  column,
  DEBEZIUM,
  DEFAULT,
  ID,
  mapped,
  ORIGIN,
  routed,
  ROW,
  withFields,
} from '../../support/debezium-message.ts'
import type { Kinds, Message } from '../../support/debezium-message.ts'

/** Cases of the tests of Debezium's own router, as rows in and messages out. What both do alike, and what BinGo does otherwise. */

test.each<readonly [string, OutboxMapping, OutboxRow, Kinds, Partial<Message>]>([
  ['the default table', DEBEZIUM, ROW, {}, {}],
  ['the key is that of another column', withFields({ key: column('type') }), ROW, {}, { key: 'UserCreated' }],
  ['a key that is a number', DEBEZIUM, { ...ROW, aggregateid: 54_321 }, {}, { key: '54321' }],
  [
    'a key of bytes is the text that they are',
    DEBEZIUM,
    { ...ROW, aggregateid: bytes('a binary key') },
    { aggregateid: 'binary' },
    { key: 'a binary key' },
  ],
  ['no key', DEBEZIUM, { ...ROW, aggregateid: null }, {}, { key: null }],
  [
    'the topic is that of another column',
    withFields({ topic: column('type') }),
    ROW,
    {},
    { topic: 'outbox.event.UserCreated' },
  ],
  ['a topic that matches is rewritten', routed('(?<first>U)(.*)', 'x.${first}-$2'), ROW, {}, { topic: 'x.U-ser' }],
  ['a topic that does not match stays', routed('(O.*)', 'x.$1'), ROW, {}, { topic: 'User' }],
  ['the whole topic has to match', routed('s', 'x'), ROW, {}, { topic: 'User' }],
  [
    'a column in the envelope under its own name and another one',
    added(['type', 'type', 'envelope'], ['type', 'eventType', 'envelope']),
    ROW,
    {},
    {
      headers: {},
      envelope: { type: 'UserCreated', eventType: 'UserCreated' },
      sent: { payload: {}, type: 'UserCreated', eventType: 'UserCreated' },
    },
  ],
  [
    'several columns, one of them in both places',
    added(
      ['type', 'payloadType', 'envelope'],
      ['aggregateid', 'payloadId', 'envelope'],
      ['type', 'payloadType', 'header'],
    ),
    ROW,
    {},
    {
      headers: { payloadType: 'UserCreated' },
      envelope: { payloadType: 'UserCreated', payloadId: '10711fa5' },
      sent: { payload: {}, payloadType: 'UserCreated', payloadId: '10711fa5' },
    },
  ],
  [
    'expanded JSON in the envelope',
    added(['type', 'type', 'envelope']),
    { ...ROW, payload: '{"fullName": "John Doe"}' },
    {},
    {
      headers: {},
      envelope: { type: 'UserCreated' },
      value: { fullName: 'John Doe' },
      sent: { payload: { fullName: 'John Doe' }, type: 'UserCreated' },
    },
  ],
  [
    'columns of other types: a boolean in the envelope, bytes as type and payload',
    added(['some_boolean', 'bool', 'envelope']),
    { ...ROW, type: bytes('CoolSchemaCreated'), payload: bytes('{}'), some_boolean: true },
    { type: 'binary', payload: 'binary' },
    { type: 'CoolSchemaCreated', headers: {}, envelope: { bool: true }, value: {}, sent: { payload: {}, bool: true } },
  ],
])('%s', (_case, mapping, row, kinds, expected) => {
  expect(mapped(mapping, row, kinds)).toEqual({ ...DEFAULT, ...expected })
})

test('every column can have another name', () => {
  const mapping = withFields({
    id: column('event_id'),
    key: column('payload_id'),
    type: column('event_type'),
    typeElse: null,
    payload: column('payload_body'),
    topic: column('my_route_field'),
  })
  const row = {
    event_id: ID,
    payload_id: 1_232,
    event_type: 'UserCreated',
    payload_body: '{}',
    my_route_field: 'routename',
  }
  const additional = [{ column: 'event_id', name: 'id', placement: 'header' }] as const
  expect(mapped({ ...mapping, additional }, row)).toEqual({ ...DEFAULT, topic: 'outbox.event.routename', key: '1232' })
})

describe('otherwise than Debezium', () => {
  test.each(['id', 'aggregateid', 'aggregatetype', 'payload'])(
    'a row of a table without %s is refused, not the end of the connector',
    (missing) => {
      const row = Object.fromEntries(Object.entries(ROW).filter(([name]) => name !== missing))
      expect(mapped(DEBEZIUM, row)).toEqual({ refused: missing })
    },
  )

  test('an id that is a number tells its table, and stays as it is in the header', () => {
    const row = { ...ROW, id: 2 }
    const columns = Object.keys(row).map((name) => ({ name, kind: 'other' as const }))
    const result = rowMapper(DEBEZIUM, columns).map(row, ORIGIN)
    expect(result).toMatchObject({ event: { id: 'db.outbox:2', context: { headers: { id: '2' } } } })
  })
})
