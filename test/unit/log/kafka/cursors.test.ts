import { expect, test } from 'vitest'
import { Cursors } from '../../../../src/log/kafka/cursors.ts'

const placed = (place: number, partition: number, offset: bigint) => ({
  index: 'i',
  place,
  appendedAt: 0,
  partition,
  offset,
  entry: null,
})

test('reading goes on before the first entry behind a place, in each partition', () => {
  const cursors = new Cursors()
  expect(cursors.upTo(5)).toBe(null)
  cursors.add(2, [4n, 9n], [placed(1, 0, 0n), placed(3, 0, 1n), placed(4, 0, 2n), placed(2, 1, 7n)])
  expect(cursors.upTo(1)).toBe(null)
  expect(cursors.upTo(2)).toEqual([1n, 9n])
  expect(cursors.upTo(10)).toEqual([1n, 9n])
  cursors.add(6, [8n, 12n], [])
  expect(cursors.upTo(5)).toEqual([1n, 9n])
  expect(cursors.upTo(6)).toEqual([8n, 12n])
  cursors.clear()
  expect(cursors.upTo(6)).toBe(null)
})

test('keeps a bounded number of them', () => {
  const cursors = new Cursors()
  for (let place = 1; place <= 100; place++) cursors.add(place, [BigInt(place)], [])
  expect(cursors.upTo(50)).toBe(null)
  expect(cursors.upTo(100)).toEqual([100n])
})
