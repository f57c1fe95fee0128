import { expect, test } from 'vitest'
import { DeadLetterSummary, readable, shortened } from '../../../../src/cli/dead-letters/describe-letter.ts'
import { letter } from '../../state/dead-letters/contract.ts'

const AT = Date.UTC(2026, 10, 20, 10)

test('a dead letter is shown with readable times and keys', () => {
  const attempts = [{ at: AT, code: 'BINGO_X', message: 'x' }]
  expect(readable(letter(1, { rowKey: 'shop\0users\x001', createdAt: AT, attempts }))).toMatchObject({
    rowKey: 'shop.users 1',
    createdAt: '2026-11-20T10:00:00.000Z',
    attempts: [{ at: '2026-11-20T10:00:00.000Z', code: 'BINGO_X' }],
  })
})

test('a long message is cut to one line', () => {
  expect(shortened(`a\n b`)).toBe('a b')
  expect(shortened('x'.repeat(500))).toHaveLength(100)
})

test('a summary counts by rule, code and target, with the first and last time and an example', () => {
  const summary = new DeadLetterSummary()
  const failed = { attempts: [{ at: AT, code: 'BINGO_X', message: 'x' }] }
  summary.add(letter(1, { ...failed, createdAt: AT }))
  summary.add(letter(2, { ...failed, createdAt: AT + 1_000 }))
  summary.add(letter(3, { attempts: [], createdAt: AT }))
  expect(summary.groups).toMatchObject([
    { count: 2, code: 'BINGO_X', first: '2026-11-20T10:00:00.000Z', last: '2026-11-20T10:00:01.000Z' },
    { count: 1, code: 'BINGO_PARKED' },
  ])
  expect(summary.groups[0]!.example).toBe(letter(1).id)
})
