import { expect, test } from 'vitest'
import { isClean, judge } from '../../fault/checker.ts'
import type { Arrival } from '../../fault/checker.ts'
import { arrivalOf } from '../../fault/recorders/recorder.ts'

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

test('a row that is deleted and written again counts both changes, and the loss of either is found out', () => {
  const note = (seq: number, op: string) => arrivalOf({ key: 'b', seq: String(seq), op, id: `b${seq}${op}` })
  const replaced = new Map([['b', 3]])
  const history = [note(1, 'insert'), note(1, 'delete'), note(3, 'insert')]
  expect(isClean(judge(history, replaced))).toBe(true)
  expect(judge(history.toSpliced(1, 1), replaced).lost).toEqual(['b@2'])
  expect(judge(history.toSpliced(2, 1), replaced).lost).toEqual(['b@3'])
  expect(judge([history[1]!, history[0]!, history[2]!], replaced).reordered).toEqual(['b@1'])
})

test('a change of the primary key that passes an earlier change of its row is found out', () => {
  // The writer names a row by what its primary key does not change, so the history goes on under the new key.
  const moved = [arrival('row', 1), arrival('row', 3), arrival('row', 2)]
  expect(judge(moved, new Map([['row', 3]])).reordered).toEqual(['row@2'])
})
