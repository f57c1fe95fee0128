import { expect, test } from 'vitest'
import { isClean, judge } from '../../fault/checker.ts'
import type { Arrival } from '../../fault/checker.ts'

const final = new Map([
  ['a', 3],
  ['b', 1],
])
const arrival = (key: string, seq: number, id = `${key}${seq}`): Arrival => ({ key, seq, id })
const right = [arrival('a', 1), arrival('b', 1), arrival('a', 2), arrival('a', 3)]

test('a right history is clean', () => {
  expect(judge(right, final)).toEqual({
    lost: [],
    reordered: [],
    phantoms: [],
    changedIds: [],
    duplicates: 0,
    stray: [],
  })
})

test('a history that replays a window with the same ids is clean and counts its duplicates', () => {
  const verdict = judge([...right.slice(0, 3), ...right.slice(1)], final)
  expect(isClean(verdict)).toBe(true)
  expect(verdict.duplicates).toBe(2)
})

test('a history that loses a write is found out', () => {
  expect(judge([right[0]!, right[1]!, right[3]!], final).lost).toEqual(['a@2'])
  expect(judge([], final).lost).toHaveLength(4)
})

test('a history that reorders a row is found out', () => {
  expect(judge([right[0]!, right[1]!, right[3]!, right[2]!], final).reordered).toEqual(['a@2'])
})

test('a history that invents a write is found out', () => {
  expect(judge([...right, arrival('a', 4)], final).phantoms).toEqual(['a@4'])
  expect(judge([...right, arrival('z', 1)], final).phantoms).toEqual(['z@1'])
})

test('a history that changes an id, or delivers a rolled back write beside the real one, is found out', () => {
  expect(judge([...right, arrival('a', 3, 'other')], final).changedIds).toEqual(['a@3'])
})

test('a duplicate is explained by a restart whose checkpoint had not passed it, and by nothing else', () => {
  const twice = [...right, arrival('a', 3)]
  const restart = (fromIndex: number, passed: boolean) => [{ fromIndex, passed: () => passed }]
  expect(judge(twice, final, restart(4, false)).stray).toEqual([])
  expect(judge(twice, final, restart(4, true)).stray).toEqual(['a@3'])
  expect(judge(twice, final, restart(5, false)).stray).toEqual(['a@3'])
  expect(judge(twice, final, []).stray).toEqual(['a@3'])
  expect(isClean(judge(twice, final, []))).toBe(false)
})
