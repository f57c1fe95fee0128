import { expect, test } from 'vitest'
import { inTurns, pairs, shares } from '../../support/forms.ts'
import type { Form } from '../../support/forms.ts'
import { fc } from '../../support/properties.ts'

const dimension = fc.uniqueArray(fc.integer(), { maxLength: 12 })
const kindsOf = fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 6 })

test('pairs of the short form have each value of both dimensions, and no more than that takes', () => {
  const check = (ones: readonly number[], others: readonly number[]): void => {
    const chosen = pairs(ones, others, 'short')
    const none = ones.length === 0 || others.length === 0
    expect(new Set(chosen.map(([one]) => one))).toEqual(new Set(none ? [] : ones))
    expect(new Set(chosen.map(([, other]) => other))).toEqual(new Set(none ? [] : others))
    expect(chosen).toHaveLength(none ? 0 : Math.max(ones.length, others.length))
  }
  fc.assert(fc.property(dimension, dimension, check))
})

test('pairs of the long form are all', () => {
  const all = [
    [1, 'a'],
    [1, 'b'],
    [2, 'a'],
    [2, 'b'],
  ]
  expect(pairs([1, 2], ['a', 'b'], 'long')).toEqual(all)
})

test('shares of the short form are together every moment once, and those of the long form every moment each', () => {
  const momentsOf = (count: number, kinds: readonly number[], form: Form): readonly number[][] => {
    const moments = Array.from({ length: count }, (_, i) => i)
    return shares(moments, kinds, form).map(([, { first, cycles }]) => moments.slice(first, first + cycles))
  }
  const check = (count: number, kinds: readonly number[]): void => {
    const all = Array.from({ length: count }, (_, i) => i)
    const short = momentsOf(count, kinds, 'short')
    expect(short.flat()).toEqual(all)
    expect(short.filter(({ length }) => length > 0)).toHaveLength(Math.min(count, kinds.length))
    expect(momentsOf(count, kinds, 'long')).toEqual(kinds.map(() => all))
  }
  fc.assert(fc.property(fc.nat(40), kindsOf, check))
})

/** Titles that each kind has, of so many tests. */
function registered(count: number, kinds: readonly number[], form: Form): readonly string[][] {
  const on = (kind: number): string[] => {
    const titles: string[] = []
    const test = inTurns(kinds, { form, test: (title) => void titles.push(title) })(kind)
    for (let i = 0; i < count; i++) test(`${i}`, () => undefined)
    return titles
  }
  return kinds.map(on)
}

test('tests in turns are each on one server in the short form, and each server has some; on every one in the long form', () => {
  const check = (count: number, kinds: readonly number[]): void => {
    const all = Array.from({ length: count }, (_, i) => `${i}`)
    const short = registered(count, kinds, 'short')
    expect(short.flat().toSorted()).toEqual(all.toSorted())
    expect(short.filter(({ length }) => length > 0)).toHaveLength(Math.min(count, kinds.length))
    expect(registered(count, kinds, 'long')).toEqual(kinds.map(() => all))
  }
  fc.assert(fc.property(fc.nat(40), kindsOf, check))
})
