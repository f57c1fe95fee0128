import { expect, test } from 'vitest'
import { sampleChange, type SampleEvent } from '../../../src/rules/samples/sample-change.ts'
import { toChangeEvent } from '../../../src/model/event/forms/event-json.ts'
import type { Gap } from '../../../src/model/event/gap.ts'
import { gapChange } from '../../../src/model/event/gap-event.ts'

test('an event that tail printed becomes the same event again', () => {
  const event = {
    id: '3e11fa47-71ca-11e1-9e33-c80aa9429562:42/7',
    op: 'update' as const,
    schema: 'shop',
    table: 'users',
    key: { uid: 1 },
    old: { uid: 1, name: 'a', doc: { x: [1] }, score: 1.5, note: null },
    new: { uid: 1, name: 'b', doc: { x: [1] }, score: 1.5, note: null },
    changed: ['name'],
    ts: '2026-11-20T10:00:00.123456Z',
    gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:42',
    position: { file: 'binlog.000003', offset: 1234 },
    serverId: 1,
    txId: '3e11fa47-71ca-11e1-9e33-c80aa9429562:42',
    seq: 7,
    query: null,
  }
  const again: unknown = JSON.parse(JSON.stringify(toChangeEvent(sampleChange(event))))
  expect(again).toEqual(event)
})

test('a statement has no rows', () => {
  const event = {
    op: 'truncate' as const,
    table: 'shop.users',
    key: null,
    old: null,
    new: null,
    query: 'TRUNCATE users',
  }
  expect(sampleChange(event)).toMatchObject({ op: 'truncate', old: null, new: null, query: 'TRUNCATE users' })
})

test('a gap as the daemon writes it, without a table, becomes the same event again', () => {
  const position = { flavour: 'mysql' as const, file: 'binlog.000003', offset: 157, gtidSet: null }
  const gap = { id: 'gap:1', at: 1_700_000_000_123, code: 'BINGO_BINLOG_PURGED', reason: 'purged', missing: null }
  const event: unknown = JSON.parse(
    JSON.stringify(toChangeEvent(gapChange({ ...gap, onGap: 'earliest', from: null, to: position } as Gap))),
  )
  expect(event).toMatchObject({ op: 'gap', schema: '', table: '' })
  const change = sampleChange(event as SampleEvent)
  expect(JSON.parse(JSON.stringify(toChangeEvent(change)))).toEqual(event)
  expect(change.table.key).toEqual([])
})

test.each(['ddl', 'truncate'] as const)('a %s whose tables are unknown becomes the same event again', (op) => {
  const event = { op, schema: 'shop', table: '', key: null, old: null, new: null, query: 'ALTER …' }
  expect(toChangeEvent(sampleChange(event))).toMatchObject({ ...event, id: 'sample/0' })
  expect(sampleChange({ op, query: 'x' }).table).toMatchObject({ schema: '', name: '' })
})

test('a row of a table without a key has none again, even with a column called id', () => {
  const event = { op: 'insert' as const, table: 'shop.log', key: null, new: { id: 1 } }
  expect(sampleChange(event).table.key).toEqual([])
})

test('operation, table and rows are enough', () => {
  const change = sampleChange({ op: 'insert', table: 'shop.users', new: { ID: 3 } })
  expect(change.table).toMatchObject({ schema: 'shop', name: 'users', key: [0] })
  expect(change).toMatchObject({ old: null, new: { ID: 3 } })
})

test.each([
  [{ op: 'upsert' as never, table: 't', new: {} }, 'is not a valid op'],
  [{ op: 'update' as const, new: {} }, '"table" is missing'],
  [{ op: 'update' as const, table: 't', new: { id: 1 } }, 'needs "old"'],
  [{ op: 'insert' as const, table: 't', new: [] as never }, 'must be a map'],
  [{ op: 'insert' as const, table: 't', new: { id: 1 }, key: ['nope'] }, 'the key has the column "nope"'],
  [{ op: 'insert' as const, table: 't', new: { id: 1 }, key: [7] }, '"key" must be a map or a list of columns'],
  [{ op: 'insert' as const, table: 't', new: { id: 1 }, id: 7 as never }, '"id" must be a text'],
  [{ op: 'insert' as const, table: 't', new: { id: 1 }, seq: '0' as never }, '"seq" must be a number'],
  [{ op: 'insert' as const, table: 't', new: { id: 1 }, position: 4 as never }, '"position" must have a file'],
  [{ op: 5 as never, table: 't', new: {} }, '5 is not a valid op'],
  [{ op: 'event' as const, new: null }, '"new" must be a map'],
  [{ type: 'a.b', timestamp: 1e300 } as never, '"timestamp" is not a time'],
  [null as never, 'it is not a map'],
  [[] as never, 'it is not a map'],
])('%j is refused with a message', (event, words) => {
  expect(() => sampleChange(event)).toThrow(words)
})

test('a table may be named as in rules, in backticks', () => {
  const tableOf = (table: string): string[] => {
    const change = sampleChange({ op: 'insert', table, new: { id: 1 } })
    return [change.table.schema, change.table.name]
  }
  expect(tableOf('`sh.op`.`order items`')).toEqual(['sh.op', 'order items'])
  expect(tableOf('`a``b`')).toEqual(['test', 'a`b'])
  expect(tableOf('shop.a.b')).toEqual(['shop', 'a.b'])
})
