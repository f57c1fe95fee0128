import { describe, expect, test } from 'vitest'
import type { Value } from '../../../../../src/model/event/row.ts'
import { matchesPattern } from '../../../../support/patterns.ts'

/** Stands for a key that the event does not have. */
const MISSING = Symbol('missing')
type Case = readonly [pattern: string, value: Value | typeof MISSING, matches: boolean]

/** The pattern of the key `v`, and what the event has there. */
function check(cases: readonly Case[]): void {
  const answers = cases.map(([pattern, value]) => [
    pattern,
    value,
    matchesPattern(`{v: ${pattern}}`, value === MISSING ? {} : { v: value }),
  ])
  expect(answers).toEqual(cases)
}

describe('A map', () => {
  test('that is empty matches always, also a missing value, but not an empty list', () => {
    check([
      ['{}', MISSING, true],
      ['{}', null, true],
      ['{}', 'text', true],
      ['{}', 0, true],
      ['{}', {}, true],
      ['{}', { a: 1 }, true],
      ['{}', [], false],
      ['{}', [null], true],
      ['{}', [1], true],
      ['{}', [[]], true],
    ])
  })

  test('that is not empty never matches a missing value or null, whatever is inside', () => {
    check([
      ['{a: []}', MISSING, false],
      ['{a: []}', null, false],
      ['{a: {}}', MISSING, false],
      ['{a: [{$exists: false}]}', MISSING, false],
      ['{a: [{$isNull: false}]}', null, false],
      ['{a: {b: {}}}', { a: null }, false],
      ['{a: {b: []}}', {}, false],
    ])
  })

  test('needs all of its keys', () => {
    check([
      ['{a: 1, b: 2}', { a: 1, b: 2, c: 3 }, true],
      ['{a: 1, b: 2}', { a: 1, b: 3 }, false],
      ['{a: 1, b: 2}', { a: 1 }, false],
      ['{a: {b: {c: x}}}', { a: { b: { c: 'x' } } }, true],
      ['{a: {b: {c: x}}}', { a: { b: 'x' } }, false],
    ])
  })

  test('on a list needs one element that satisfies all of it', () => {
    check([
      ['{a: 1, b: 2}', [{ a: 1 }, { b: 2 }], false],
      ['{a: 1, b: 2}', [{ a: 9 }, { a: 1, b: 2 }], true],
      ['{a: 1}', [], false],
      ['{a: []}', [null], false],
      ['{a: [{$exists: false}]}', [null], false],
      ['{a: [{$exists: false}]}', [null, {}], true],
      ['{a: 1}', [1, 'a', [{ a: 1 }]], false],
      ['{items: {sku: x}}', { items: [{ sku: 'y' }, { sku: 'x' }] }, true],
    ])
  })

  test('never matches a primitive: only own properties of maps count', () => {
    check([
      ['{length: 3}', 'abc', false],
      ['{length: 1}', [1], false],
      ['{a: {}}', 'abc', false],
      ['{a: [{$exists: false}]}', 1, false],
      ['{constructor: [{$exists: true}]}', {}, false],
      ['{constructor: [{$exists: false}]}', { a: 1 }, true],
      ['{toString: x}', { toString: 'x' } as unknown as Value, true],
      ['{__proto__: [{$exists: true}]}', { a: 1 }, false],
    ])
  })
})

describe('A list of values', () => {
  test('that is empty matches always, but the map around it needs a value', () => {
    check([
      ['[]', MISSING, true],
      ['[]', null, true],
      ['[]', [], true],
      ['[]', 'x', true],
      ['{a: []}', {}, true],
      ['{a: []}', MISSING, false],
    ])
  })

  test('matches what is identical to one of them, without coercion', () => {
    check([
      ['[DE, AT]', 'AT', true],
      ['[DE, AT]', 'de', false],
      ['[DE, AT]', 'CH', false],
      ['[DE]', ['DE'], false],
      ['["1"]', 1, false],
      ['[1]', '1', false],
      ['[1]', true, false],
      ['[true]', 1, false],
      ['[true]', true, true],
      ['[false]', MISSING, false],
      ['[false]', null, false],
      ['[0]', -0, true],
      ['[-0]', 0, true],
      ['[1.5, 2]', 1.5, true],
      ['[1, 2, 3, 4, 5, 6]', 6, true],
      ['[1, 2, 3, 4, 5, 6]', 7, false],
      ['[1, 2, 3, 4, 5, 6]', [6], false],
      ['[a, b, c, d, e]', MISSING, false],
      ['[""]', '', true],
    ])
  })

  test('may be a bare value, and a bare null means that it is null', () => {
    check([
      ['DE', 'DE', true],
      ['DE', 'AT', false],
      ['17', 17, true],
      ['true', true, true],
      ['null', null, true],
      ['null', MISSING, false],
      ['null', 'x', false],
      ['[null]', null, true],
      ['[null]', 0, false],
    ])
  })

  test('keeps integers beyond 2^53 exact', () => {
    check([
      ['9007199254740993', 9007199254740993n, true],
      ['9007199254740993', 9007199254740992n, false],
      ['9007199254740993', 9007199254740992, false],
      ['[9007199254740992]', 9007199254740992n, true],
      ['[9007199254740992]', 9007199254740992, true],
      ['[1, 2, 3, 4, 18446744073709551615]', 18446744073709551615n, true],
      ['[1, 2, 3, 4, 18446744073709551615]', 18446744073709551614n, false],
      ['[1, 2, 3, 4, 9007199254740992]', 9007199254740992, true],
      ['[-9007199254740993]', -9007199254740993n, true],
      ['[1e30]', 1e30, true],
      ['["9007199254740993"]', 9007199254740993n, false],
      ['[{$gt: 9007199254740992}]', 9007199254740993n, true],
      ['[{$gt: 9007199254740993}]', 9007199254740993n, false],
      ['[{$between: [9007199254740993, 9007199254740993]}]', 9007199254740993n, true],
      ['[{$includes: 9007199254740993}]', [9007199254740993n], true],
      ['[{$includes: 9007199254740993}]', [9007199254740992n], false],
      ['[{$anythingBut: 9007199254740993}]', 9007199254740993n, false],
      ['[{$not: 9007199254740993}]', 9007199254740992n, true],
    ])
  })
})

describe('A list of operators', () => {
  test('matches when all of them hold', () => {
    check([
      ['[{$gte: 18}, {$lt: 65}]', 18, true],
      ['[{$gte: 18}, {$lt: 65}]', 65, false],
      ['[{$startsWith: a}, {$endsWith: z}, {$not: az}]', 'abz', true],
      ['[{$startsWith: a}, {$endsWith: z}, {$not: az}]', 'az', false],
      ['[{$exists: true}, {$isNull: false}]', MISSING, false],
    ])
  })

  test('$startsWith and $endsWith are for strings, with letter case; the empty text is in all of them', () => {
    check([
      ['[{$startsWith: EU-}]', 'EU-17', true],
      ['[{$startsWith: EU-}]', 'eu-17', false],
      ['[{$startsWith: "1"}]', 17, false],
      ['[{$startsWith: a}]', ['a'], false],
      ['[{$startsWith: ""}]', '', true],
      ['[{$startsWith: ""}]', 'x', true],
      ['[{$startsWith: ""}]', MISSING, false],
      ['[{$endsWith: .test}]', 'a.test', true],
      ['[{$endsWith: .test}]', 'a.TEST', false],
      ['[{$endsWith: ""}]', null, false],
    ])
  })

  test('$ignoreCaseEquals knows accents and no case, in any alphabet', () => {
    check([
      ['[{$ignoreCaseEquals: paid}]', 'PAID', true],
      ['[{$ignoreCaseEquals: paid}]', 'pãid', false],
      ['[{$ignoreCaseEquals: ÉTÉ}]', 'été', true],
      ['[{$ignoreCaseEquals: ПЛАТА}]', 'плата', true],
      ['[{$ignoreCaseEquals: i}]', 'I', true],
      ['[{$ignoreCaseEquals: i}]', 'ı', false],
      ['[{$ignoreCaseEquals: paid}]', ['paid'], false],
      ['[{$ignoreCaseEquals: "1"}]', 1, false],
      ['[{$ignoreCaseEquals: paid}]', MISSING, false],
    ])
  })

  test('$exists asks whether the key is there: null exists', () => {
    check([
      ['[{$exists: true}]', null, true],
      ['[{$exists: true}]', [], true],
      ['[{$exists: true}]', false, true],
      ['[{$exists: true}]', MISSING, false],
      ['[{$exists: false}]', MISSING, true],
      ['[{$exists: false}]', null, false],
    ])
  })

  test('$isNull: true is null alone, $isNull: false is everything else, missing too', () => {
    check([
      ['[{$isNull: true}]', null, true],
      ['[{$isNull: true}]', MISSING, false],
      ['[{$isNull: true}]', 0, false],
      ['[{$isNull: false}]', MISSING, true],
      ['[{$isNull: false}]', 0, true],
      ['[{$isNull: false}]', null, false],
    ])
  })

  test('$anythingBut matches missing values, null, lists and other types', () => {
    check([
      ['[{$anythingBut: a}]', 'a', false],
      ['[{$anythingBut: a}]', 'b', true],
      ['[{$anythingBut: a}]', MISSING, true],
      ['[{$anythingBut: a}]', null, true],
      ['[{$anythingBut: a}]', ['a'], true],
      ['[{$anythingBut: a}]', { a: 1 }, true],
      ['[{$anythingBut: [1, 2]}]', 2, false],
      ['[{$anythingBut: [1, 2]}]', '2', true],
      ['[{$anythingBut: [1, 2, 3, 4, 5]}]', 5, false],
      ['[{$anythingBut: [1, 2, 3, 4, 5]}]', [5], true],
      ['[{$anythingBut: false}]', false, false],
      ['[{$anythingBut: 0}]', -0, false],
    ])
  })

  test('$not is a primitive that is something else, or a list without it', () => {
    check([
      ['[{$not: a}]', 'b', true],
      ['[{$not: a}]', 'a', false],
      ['[{$not: a}]', 1, true],
      ['[{$not: 0}]', -0, false],
      ['[{$not: false}]', true, true],
      ['[{$not: a}]', ['b'], true],
      ['[{$not: a}]', ['b', 'a'], false],
      ['[{$not: a}]', [], true],
      ['[{$not: a}]', MISSING, false],
      ['[{$not: a}]', null, false],
      ['[{$not: a}]', { a: 1 }, false],
    ])
  })

  test('$not with an operator is a primitive for which it does not hold, or a list without such an element', () => {
    check([
      ['[{$not: {$endsWith: "@test.example"}}]', 'ada@shop.example', true],
      ['[{$not: {$endsWith: "@test.example"}}]', 'ada@test.example', false],
      ['[{$not: {$endsWith: "@test.example"}}]', 7, true],
      ['[{$not: {$endsWith: "@test.example"}}]', MISSING, false],
      ['[{$not: {$endsWith: "@test.example"}}]', null, false],
      ['[{$not: {$endsWith: "@test.example"}}]', {}, false],
      ['[{$not: {$gt: 5}}]', [1, 2], true],
      ['[{$not: {$gt: 5}}]', [1, 9], false],
      ['[{$not: {$includes: a}}]', ['a'], false],
      ['[{$not: {$includes: a}}]', ['b'], true],
      ['[{$not: {$between: [1, 5]}}]', 6, true],
    ])
  })

  test('comparisons are for numbers', () => {
    check([
      ['[{$gt: 18}]', 18, false],
      ['[{$gt: 18}]', 18.5, true],
      ['[{$gte: 18}]', 18, true],
      ['[{$lt: 18}]', 17, true],
      ['[{$lt: 18}]', 18, false],
      ['[{$lte: 18}]', 18, true],
      ['[{$lte: 18}]', '17', false],
      ['[{$gt: 18}]', true, false],
      ['[{$gt: 18}]', [19], false],
      ['[{$gt: -1}]', null, false],
      ['[{$lt: 1}]', MISSING, false],
      ['[{$between: [1, 3]}]', 1, true],
      ['[{$between: [1, 3]}]', 3, true],
      ['[{$between: [1, 3]}]', 3.1, false],
      ['[{$between: [3, 1]}]', 2, false],
      ['[{$between: [1, 3]}]', '2', false],
    ])
  })

  test('$includes is a list that holds the value', () => {
    check([
      ['[{$includes: vip}]', ['new', 'vip'], true],
      ['[{$includes: vip}]', ['VIP'], false],
      ['[{$includes: vip}]', 'vip', false],
      ['[{$includes: 1}]', ['1'], false],
      ['[{$includes: 0}]', [-0], true],
      ['[{$includes: vip}]', [['vip']], false],
      ['[{$includes: vip}]', MISSING, false],
      ['[{$includes: true}]', [true], true],
    ])
  })
})
