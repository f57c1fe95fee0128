import { expect, test } from 'vitest'
import { laneHash } from '../../../../src/flow/lanes/lane-hash.ts'
import { tableDef } from '../../../support/jobs.ts'

const LANES = 16

test('consecutive integer keys spread evenly over the lanes', () => {
  const laneOf = laneHash(tableDef(), LANES)
  const counts = Array.from({ length: LANES }, () => 0)
  for (let id = 1; id <= 16_000; id++) counts[laneOf(null, { id })]! += 1
  for (const count of counts) expect(count).toBeGreaterThan(800)
})

test('the lane of a key never changes between versions', () => {
  const laneOf = laneHash(tableDef(), LANES)
  const lanes = [1, 2, -1, 2 ** 40, 2n ** 63n, 'abc', 'ä😀', null, '2026-01-01'].map((id) => laneOf(null, { id }))
  expect(lanes).toMatchInlineSnapshot(`
    [
      13,
      12,
      6,
      3,
      14,
      0,
      8,
      13,
      13,
    ]
  `)
})

test('an update is placed by its after image, and by the before image where the key is absent after', () => {
  const laneOf = laneHash(tableDef(), LANES)
  expect(laneOf({ id: 1 }, { id: 7 })).toBe(laneOf(null, { id: 7 }))
  expect(laneOf({ id: 7 }, { status: 1 })).toBe(laneOf(null, { id: 7 }))
  expect(laneOf({ id: 7 }, null)).toBe(laneOf(null, { id: 7 }))
})

test('all rows of a table without a primary key share a lane', () => {
  const laneOf = laneHash(tableDef(['a', 'b'], []), LANES)
  expect(new Set([1, 2, 3, 4, 5].map((a) => laneOf(null, { a, b: a })))).toHaveProperty('size', 1)
})

test('every column of a composite key counts', () => {
  const laneOf = laneHash(tableDef(['a', 'b'], [0, 1]), 1024)
  expect(laneOf(null, { a: 1, b: 2 })).not.toBe(laneOf(null, { a: 1, b: 3 }))
  expect(laneOf(null, { a: 1, b: 2 })).not.toBe(laneOf(null, { a: 2, b: 1 }))
})
