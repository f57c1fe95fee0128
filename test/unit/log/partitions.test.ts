import { expect, test } from 'vitest'
import { partitionOf, Share } from '../../../src/log/sql/groups/partitions.ts'

test('the partition of a key is the same in every version, and entries without a key go round', () => {
  const of = (key: string | null, place = 1): number => partitionOf({ key, place: String(place) }, 32)
  expect(['', 'a', 'order-17', 'ключ', '\ud800'].map((key) => of(key))).toEqual([5, 12, 14, 25, 31])
  expect([31, 32, 33].map((place) => of(null, place))).toEqual([31, 0, 1])
})

test('a thousand keys fill every partition', () => {
  const keys = Array.from({ length: 1_000 }, (_, i) => `customer-${i}`)
  expect(new Set(keys.map((key) => partitionOf({ key, place: '1' }, 32))).size).toBe(32)
})

test('what a share has given to its reader is of its partition until it is acknowledged or lost', () => {
  const share = new Share(2, 10)
  share.take(0)
  share.take(1)
  const [zero, one] = share.readable
  share.gives(zero!, 12)
  share.gives(one!, 13)
  expect([share.partitionOf(12), share.partitionOf(13), share.partitionOf(14)]).toEqual([0, 1, undefined])
  share.lose(one!)
  expect([share.partitionOf(13), share.readable.length]).toEqual([undefined, 1])
  share.acknowledged([12], 10)
  expect([share.partitionOf(12), share.isAcknowledged(12), share.isAcknowledged(11)]).toEqual([undefined, true, false])
  share.acknowledged([], 11)
  expect([share.upTo, share.isAcknowledged(11)]).toEqual([11, true])
})

test('a share that is read from its beginning again reads what was not acknowledged', () => {
  const share = new Share(1, 5)
  share.take(0)
  const [tenure] = share.readable
  share.gives(tenure!, 6)
  tenure!.readUpTo = 6
  share.restart()
  expect([share.readUpTo, tenure!.pending.size, share.partitionOf(6)]).toEqual([5, 0, undefined])
})
