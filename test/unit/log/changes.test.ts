import { expect, test } from 'vitest'
import { requireAll } from '../../../src/log/changes/numbers.ts'

const numbered = (...numbers: number[]) => numbers.map((number) => ({ number }))

test('a record that nobody has read and that is not there any more is an error', () => {
  const check =
    (after: number | null, ...numbers: number[]) =>
    () =>
      requireAll('redis://r', 3, after, numbered(...numbers))
  expect(check(4, 5, 6, 7)).not.toThrow()
  expect(check(null, 500, 501)).not.toThrow()
  expect(check(4)).not.toThrow()
  // A replica that took over lacks the last ones, which was said at the start.
  expect(check(4, 3, 4, 5)).not.toThrow()
  expect(check(4, 6)).toThrow('has lost records of share 3: 6 follows 4')
  expect(check(4, 5, 7)).toThrow('7 follows 5')
})
