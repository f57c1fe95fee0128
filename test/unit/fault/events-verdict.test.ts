import { expect, test } from 'vitest'
import { judgeEvents } from '../../fault/events/verdict.ts'
import type { Effect, Fate, PostedFate } from '../../fault/events/verdict.ts'

const fates = (given: Readonly<Record<string, Fate>>): Map<string, PostedFate> =>
  new Map(Object.entries(given).map(([id, fate]) => [id, { fate, writer: 0, v: 1 }]))
const logged = (...ids: string[]) => ids.map((id) => ({ id, key: 'k' }))
const effects = (...ids: string[]): Effect[] => ids.map((id) => ({ id, key: 'k', v: 1, by: 'one' }))

const CLEAN = { lost: [], doubled: [], reordered: [], phantoms: [], duplicates: 0 }

test('what was answered and arrived in the order of the log is clean, and what was not answered may arrive or not', () => {
  const known = fates({ a: 'posted', b: 'posted', c: 'unknown', d: 'unknown', e: 'cancelled' })
  expect(judgeEvents(known, logged('a', 'c', 'b'), effects('a', 'c', 'b'))).toEqual(CLEAN)
})

test('tells what is lost, out of order, twice in the log, and repeated', () => {
  const known = fates({ a: 'posted', b: 'posted', c: 'posted', d: 'posted' })
  const verdict = judgeEvents(known, logged('a', 'b', 'c', 'd', 'a'), effects('b', 'a', 'd', 'b'))
  expect(verdict).toEqual({ lost: ['c'], doubled: ['a'], reordered: ['a'], phantoms: [], duplicates: 1 })
})

test('what was never posted, was cancelled, is in no log, or has another payload is invented', () => {
  const known = fates({ a: 'posted', b: 'cancelled', c: 'posted', d: 'unknown' })
  const arrived = [...effects('x', 'b', 'c'), { id: 'a', key: 'k', v: 2, by: 'one' }, ...effects('d')]
  expect(judgeEvents(known, logged('a', 'b', 'x', 'd'), arrived).phantoms.toSorted()).toEqual(['a', 'b', 'c', 'x'])
})
