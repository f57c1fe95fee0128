import { expect, test } from 'vitest'
import { toChangeEvent } from '../../../../src/model/event/forms/event-json.ts'
import { Change, defineTable, rowChange } from '../../../../src/index.ts'
import type { ColumnKind, RowChangeOptions, TableOptions, Value } from '../../../../src/index.ts'

const base: TableOptions = { schema: 'shop', name: 'users', columns: { id: 'int', name: 'string' }, key: ['id'] }

test('Columns may have any name that JSON can have', () => {
  const table = defineTable({ ...base, columns: { id: 'int', constructor: 'string' } as const })
  const { old, new: row } = rowChange({ table, op: 'insert', new: { id: 1 } })
  expect([old, row?.['constructor']]).toEqual([null, undefined])
})

test('A change of the same row can be shown as an event', () => {
  const table = defineTable(base)
  const { old, new: row } = rowChange({ table, op: 'update', old: { id: 1, name: 'a' }, new: { id: 1, name: 'b' } })
  const transaction = { id: 't', gtid: null, file: '', offset: 0, serverId: 0, timestampUs: 0, query: null }
  expect(toChangeEvent(new Change(table, 'update', transaction, 4, old, row, null))).toMatchObject({
    id: 't/4',
    key: { id: 1 },
    changed: ['name'],
  })
})

test.each<[ColumnKind, readonly unknown[], readonly unknown[]]>([
  ['int', [1, -1, 2n ** 63n - 1n, null], [1.5, 2 ** 53, 2n ** 63n, '1', true, Number.NaN]],
  ['uint64', [0, 2n ** 64n - 1n], [-1, -1n, 2n ** 64n]],
  ['float', [1.5, 1, null], ['1', Infinity, 1n]],
  ['string', ['', 'a', null], [1, ['a'], new Date()]],
  ['json', [true, 'a', 1, [1, { a: null }], {}, null], [new Date(), Infinity, [() => 1], new Map()]],
])('A column of kind %s holds its values only', (kind, good, bad) => {
  const table = defineTable({ ...base, columns: { id: 'int', value: kind } })
  const change = (value: unknown) => () => rowChange({ table, op: 'insert', new: { id: 1, value: value as Value } })
  for (const value of good) expect(change(value)().new!['value']).toBe(value)
  for (const value of bad) expect(change(value)).toThrow(/new\.value is a/)
})

test.each<[string, Omit<RowChangeOptions, 'table'>, RegExp]>([
  ['an INSERT without a row', { op: 'insert' }, /insert takes new/],
  ['an INSERT with the row before', { op: 'insert', old: { id: 1 }, new: { id: 1 } }, /insert takes new/],
  ['an UPDATE without the row before', { op: 'update', new: { id: 1 } }, /update takes old and new/],
  ['a DELETE with the row after', { op: 'delete', old: { id: 1 }, new: { id: 1 } }, /delete takes old/],
  ['an unknown column', { op: 'insert', new: { id: 1, nam: 'a' } }, /new has "nam"/],
  ['no key', { op: 'insert', new: { name: 'a' } }, /new has no "id"/],
  ['a key that is NULL', { op: 'insert', new: { id: null } }, /new\.id is NULL/],
])('A change is refused that has %s', (_, change, message) => {
  const wrong = () => rowChange({ table: defineTable(base), ...change })
  expect(wrong).toThrow(message)
  expect(wrong).toThrow(expect.objectContaining({ code: 'BINGO_ROW_INVALID' }))
})

test.each<[string, Partial<TableOptions>, RegExp]>([
  ['no name', { name: '' }, /must not be empty/],
  ['no columns', { columns: {}, key: [] }, /no columns/],
  ['an unknown kind', { columns: { id: 'integer' as ColumnKind } }, /unknown kind "integer"/],
  ['a key that is no column', { key: ['ID'] }, /"ID", which is not a column/],
  ['a key that repeats', { key: ['id', 'id'] }, /twice/],
])('A table is refused that has %s', (_, change, message) => {
  expect(() => defineTable({ ...base, ...change })).toThrow(message)
})
