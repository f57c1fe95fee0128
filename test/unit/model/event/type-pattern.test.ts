import { expect, test } from 'vitest'
import { typePattern } from '../../../../src/model/event/posted/type-pattern.ts'

test.each([
  ['*', ['a', 'a.b', 'a.b.c'], []],
  ['**', ['a', 'a.b'], []],
  ['a.b', ['a.b'], ['a', 'a.b.c', 'A.b']],
  ['a.*', ['a.b'], ['a', 'a.b.c']],
  ['*.b', ['a.b'], ['b', 'a.c']],
  ['a.*.c', ['a.b.c'], ['a.c', 'a.b.d', 'a.b.c.d']],
  ['a.**', ['a', 'a.b', 'a.b.c'], ['b', 'ab.c']],
  ['*.b.**', ['a.b', 'a.b.c'], ['a', 'a.c.b']],
])('the pattern %s matches %j and not %j', (pattern, matching, others) => {
  const matches = typePattern(pattern)
  expect([...matching, ...others].filter(matches)).toEqual(matching)
})
