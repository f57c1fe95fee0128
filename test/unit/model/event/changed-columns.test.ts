import { expect, test } from 'vitest'
import { columnChanged } from '../../../../src/model/event/changed-columns.ts'
import { noteJsonNulls } from '../../../../src/model/event/forms/json-null.ts'

test('a JSON null differs from NULL, and from nothing else that is null', () => {
  const sql = { doc: null }
  const json = noteJsonNulls({ doc: null }, ['doc'])
  const alike = noteJsonNulls({ doc: null, other: null }, ['doc'])
  expect(columnChanged('doc', sql, json)).toBe(true)
  expect(columnChanged('doc', json, sql)).toBe(true)
  expect(columnChanged('doc', json, alike)).toBe(false)
  expect(columnChanged('other', { other: null }, alike)).toBe(false)
  expect(columnChanged('doc', null, json)).toBe(true)
  expect(columnChanged('doc', json, null)).toBe(true)
  expect(columnChanged('doc', null, sql)).toBe(false)
  expect(columnChanged('doc', json, { doc: 1 })).toBe(true)
})

test('a column that an image omits counts as unchanged in a DELETE and after an UPDATE, not before one', () => {
  expect(columnChanged('a', {}, null)).toBe(false)
  expect(columnChanged('a', { a: 1 }, {})).toBe(false)
  expect(columnChanged('a', {}, { a: null })).toBe(true)
  expect(columnChanged('a', null, {})).toBe(false)
})
