import { expect, test } from 'vitest'
import type { Predicate } from '../../../src/model/rule/expression.ts'
import { RuleIndex } from '../../../src/match/rule-index.ts'
import { fc } from '../../support/properties.ts'

type Necessary = Predicate['necessary']

function filter(necessary: Necessary): Predicate {
  return { necessary } as unknown as Predicate
}

const equals = (column: string, ...values: Necessary[number]['values'][number][]): Predicate =>
  filter([{ image: 'new', column, values }])

test('of a thousand rules on one column only the one with the row’s value is a candidate', () => {
  const index = new RuleIndex(Array.from({ length: 1000 }, (_, i) => equals('kind', i)))
  expect(index.candidates(null, { kind: 17 })).toEqual([17])
  expect(index.candidates(null, { kind: 5000 })).toEqual([])
})

test('rules without such a comparison are always candidates, in the order of the rules', () => {
  const index = new RuleIndex([filter([]), ...Array.from({ length: 10 }, (_, i) => equals('kind', i)), null])
  expect(index.candidates(null, { kind: 3 })).toEqual([0, 4, 11])
})

test('a value missing from the row image leaves all rules to say so themselves', () => {
  const index = new RuleIndex(Array.from({ length: 10 }, (_, i) => equals('kind', i)))
  expect(index.candidates(null, {})).toHaveLength(10)
})

test('NULL equals no constant', () => {
  const index = new RuleIndex(Array.from({ length: 10 }, (_, i) => equals('kind', i)))
  expect(index.candidates(null, { kind: null })).toEqual([])
  expect(index.candidates({ kind: 1 }, null)).toEqual([])
})

test('a bigint constant finds the number that a row holds', () => {
  const index = new RuleIndex(Array.from({ length: 10 }, (_, i) => equals('kind', BigInt(i))))
  expect(index.candidates(null, { kind: 4 })).toEqual([4])
})

test('candidates always hold every rule whose necessary comparisons are all met', () => {
  const value = fc.oneof(fc.nat(4), fc.constantFrom('a', 'b'), fc.constant(null))
  const necessary = fc.array(
    fc.record({
      image: fc.constantFrom('new' as const, 'old' as const),
      column: fc.constantFrom('x', 'y'),
      values: fc.array(fc.oneof(fc.nat(4), fc.constantFrom('a', 'b')), { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 2 },
  )
  const row = fc.record({ x: value, y: value })
  fc.assert(
    fc.property(fc.array(necessary, { maxLength: 30 }), row, row, (rules, old, new_) => {
      const found = new RuleIndex(rules.map(filter)).candidates(old, new_)
      const met = rules.flatMap((each, rule) => {
        const all = each.every(({ image, column, values }) => {
          const has = (image === 'new' ? new_ : old)[column]
          return has !== null && values.includes(has)
        })
        return all ? [rule] : []
      })
      expect(found).toEqual(expect.arrayContaining(met))
      expect(found).toEqual([...found].sort((a, b) => a - b))
    }),
  )
})
