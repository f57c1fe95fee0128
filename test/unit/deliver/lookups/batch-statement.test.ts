import { expect, test } from 'vitest'
import { batchStatement } from '../../../../src/deliver/lookups/batch-statement.ts'

test('each question is the statement as written, with its own values', () => {
  const { sql, values } = batchStatement('SELECT a FROM t WHERE b = ? AND c = ? -- why', [
    [1, 'x'],
    [2, null],
  ])
  expect(sql).toBe(
    'SELECT 0 AS `#`, `t`.* FROM (SELECT a FROM t WHERE b = ? AND c = ? -- why\n) AS `t`' +
      ' UNION ALL SELECT 1 AS `#`, `t`.* FROM (SELECT a FROM t WHERE b = ? AND c = ? -- why\n) AS `t`',
  )
  expect(values).toEqual([1, 'x', 2, null])
})

test('few different texts are made: the last question fills up', () => {
  const texts = new Set(Array.from({ length: 63 }, (_, i) => batchStatement('SELECT ?', filled(i + 2)).sql))
  expect(texts.size).toBe(6)
  expect(batchStatement('SELECT ?', filled(3)).values).toEqual([0, 1, 2, 2])
})

function filled(count: number): number[][] {
  return Array.from({ length: count }, (_, i) => [i])
}
