import { expect, test } from 'vitest'
import { Change } from '../../../../src/model/event/change.ts'
import type { Operation, Row } from '../../../../src/model/event/row.ts'
import type { Event } from '../../../../src/model/event/event.ts'
import { tableDef, transaction } from '../../../support/jobs.ts'

const table = tableDef()
const of = (op: Operation, old: Row | null, new_: Row | null): Event =>
  new Change(table, op, transaction(1), 0, old, new_, null)

test('a row change is an event: type, key, time and shape', () => {
  const event = of('insert', null, { id: 7, status: 1 })
  expect(event.type).toBe('shop.users.create')
  expect(event.key).toBe('shop\0users\x007')
  expect(event.previousKey).toBeUndefined()
  expect(event.at).toBe(transaction(1).timestampUs / 1_000)
  expect(event.shape).toMatchObject({ type: 'shop.users', key: ['id'] })
  expect(event.shape).toBe(of('delete', { id: 8 }, null).shape)
})

test('an UPDATE of the primary key knows both keys', () => {
  const event = of('update', { id: 7 }, { id: 8 })
  expect(event.key).toBe('shop\0users\x008')
  expect(event.previousKey).toBe('shop\0users\x007')
})

test('fields are read by path', () => {
  const event = of('update', { id: 7, status: 0 }, { id: 7, status: 1 })
  expect(
    ['new.status', 'old.status', 'key.id', 'status', 'other.status', 'new.nothing'].map((path) => event.field(path)),
  ).toEqual([1, 0, 7, 1, undefined, undefined])
  expect(of('delete', { id: 7, status: 5 }, null).field('status')).toBe(5)
})

test('a statement has a type of its table and no key', () => {
  const statement = new Change(
    { ...table, columns: [], key: [] },
    'truncate',
    transaction(1),
    0,
    null,
    null,
    'TRUNCATE users',
  )
  expect([statement.type, statement.key]).toEqual(['shop.users.truncate', null])
})
