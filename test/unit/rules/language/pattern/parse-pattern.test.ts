import { describe, expect, test } from 'vitest'
import { printPattern } from '../../../../../src/rules/language/pattern/print-pattern.ts'
import { patternOf, problemsOfPattern } from '../../../../support/patterns.ts'

describe('A pattern that is wrong is refused with its place and with what would be right', () => {
  // The pattern begins at line 2, column 12.
  test.each([
    [
      '{a: [1, x]}',
      '2:20 match.a mixes types: numbers and strings → write values of one type, with quotes around all texts or around none',
    ],
    [
      '{a: [x, true]}',
      '2:20 match.a mixes types: strings and booleans → write values of one type, with quotes around all texts or around none',
    ],
    [
      '{a: [x, {$gt: 1}]}',
      '2:17 match.a has a value beside an operator → write values only, or operators only: [{$anythingBut: [a, b]}] or two rules',
    ],
    [
      '{a: [x, null]}',
      '2:17 match.a has a value beside an operator → write values only, or operators only: [{$anythingBut: [a, b]}] or two rules',
    ],
    [
      '{a: [{$gt: 1, $lt: 5}]}',
      '2:26 match.a has several operators in one map → write several maps: [{$gt: …}, {$lt: …}]',
    ],
    [
      '{a: [{$greater: 1}]}',
      '2:18 unknown operator "$greater" → write one of $startsWith, $endsWith, $ignoreCaseEquals, $exists, $isNull, $anythingBut, $not, $gt, $gte, $lt, $lte, $between, $includes',
    ],
    ['{a: [{$startWith: x}]}', '2:18 unknown operator "$startWith" → did you mean {$startsWith: "EU-"}?'],
    [
      '{a: [{sku: x}]}',
      '2:18 unknown operator "sku" → a list holds values or operators; write a map without the list to look into the elements',
    ],
    ['{a: [{}]}', '2:17 match.a has an empty operator → write for example [{$gte: 18}]'],
    ['{a: {$gte: 18}}', '2:17 the operator $gte stands outside of a list → write a: [{$gte: 18}]'],
    ['{a: {b: {$startWith: x}}}', '2:21 unknown operator $startWith → did you mean b: [{$startsWith: "EU-"}]?'],
    ['{$gt: 1}', '2:13 the operator $gt stands outside of a list → write match: [{$gt: 18}]'],
    ['{a: [[1]]}', '2:17 match.a has a list inside of a list → write one list of values, or of operators'],
    ['{a: [{$gt: "18"}]}', '2:23 $gt takes a number, but has "18" → write for example {$gt: 18}'],
    ['{a: [{$gt: null}]}', '2:23 $gt takes a number, but has null → write for example {$gt: 18}'],
    [
      '{a: [{$startsWith: 17}]}',
      '2:31 $startsWith takes a text, but has 17 → put quotes around it: {$startsWith: "17"}',
    ],
    [
      '{a: [{$endsWith: [x]}]}',
      '2:29 $endsWith takes a text, but has a list → write for example {$endsWith: "@example.com"}',
    ],
    [
      '{a: [{$exists: "true"}]}',
      '2:27 $exists takes true or false, but has "true" → write for example {$exists: true}',
    ],
    ['{a: [{$isNull: 1}]}', '2:27 $isNull takes true or false, but has 1 → write for example {$isNull: false}'],
    ['{a: [{$between: 5}]}', '2:28 $between takes two numbers, but has 5 → write for example {$between: [1, 10]}'],
    [
      '{a: [{$between: [1, 2, 3]}]}',
      '2:28 $between takes two numbers, but has a list → write for example {$between: [1, 10]}',
    ],
    ['{a: [{$between: [1, x]}]}', '2:32 $between takes a number, but has "x" → write for example {$between: [1, 10]}'],
    ['{a: [{$includes: [x]}]}', '2:29 $includes takes a text, a number, true or false → write one value'],
    ['{a: [{$includes: null}]}', '2:29 $includes does not take null → write {$isNull: true} or {$isNull: false}'],
    [
      '{a: [{$anythingBut: []}]}',
      '2:32 $anythingBut takes a value, or a list of values, but has a list → write for example {$anythingBut: [DE, AT]}',
    ],
    [
      '{a: [{$anythingBut: [1, x]}]}',
      '2:36 $anythingBut mixes types: numbers and strings → write values of one type, with quotes around all texts or around none',
    ],
    [
      '{a: [{$not: {$exists: true}}]}',
      '2:24 $not does not take $exists → write {$exists: false} instead of {$not: {$exists: true}}',
    ],
    ['{a: [{$not: {$not: x}}]}', '2:24 $not does not take $not → write the value itself instead of {$not: {$not: …}}'],
    ['{a: [{$not: [x]}]}', '2:24 $not takes a text, a number, true or false → write one value'],
    ['{a: .inf}', '2:16 match.a is .inf, which no event holds → write a number'],
    ['[x]', '2:12 match must be a map → write for example match: {payload: {country: [DE, AT]}}'],
    ['x', '2:12 match must be a map → write for example match: {payload: {country: [DE, AT]}}'],
  ])('%s', (pattern, problem) => {
    expect(problemsOfPattern(pattern)).toEqual([problem])
  })
})

test('Everything wrong with a pattern is reported at once', () => {
  expect(problemsOfPattern('{a: [1, x], b: {$gt: 1}, c: [[1]]}')).toHaveLength(3)
})

test('A field may begin with a dollar sign when no operator is called nearly so', () => {
  expect(problemsOfPattern('{$schema: x, $ref: y}')).toEqual([])
})

test('A pattern prints as it would be written, whatever style it was written in', () => {
  const pattern =
    '{payload: {country: [DE, "A T"], age: [{$gte: 18}, {$not: {$between: [3, 1]}}], x-y: null, "a b": {}, c: []}}'
  expect(printPattern(patternOf(pattern))).toBe(
    '{payload: {country: ["DE", "A T"], age: [{$gte: 18}, {$not: {$between: [3, 1]}}], x-y: [{$isNull: true}], "a b": {}, c: []}}',
  )
})
