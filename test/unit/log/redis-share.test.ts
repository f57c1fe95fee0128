import { expect, test } from 'vitest'
import { Share } from '../../../src/log/redis/share.ts'

/** Holds these partitions, of which `fair` are its share. */
function shareOf(held: readonly number[], fair = held.length): Share {
  const share = new Share()
  share.divide(fair, held)
  return share
}

test('a partition that comes to it is read from its beginning, and a page that was asked for before does not count', () => {
  const share = shareOf([1])
  const { round } = share.from
  expect(share.lookedThrough(100, round)).toBe(true)
  const later = share.from
  expect(later).toEqual({ place: 100, round })
  expect(share.divide(2, [1, 2])).toBe(true)
  // Entries of 2 may be in a page that began behind place 100: those in front of it come first.
  expect(share.from.round).not.toBe(later.round)
  expect(share.lookedThrough(200, later.round)).toBe(false)
  expect(share.from.place).toBe(0)
})

test('what has been handed out is not handed out again when it looks from the beginning', () => {
  const share = shareOf([1, 2])
  share.begins(10, 1)
  share.took(10, 1)
  share.resume()
  expect([share.wants(10, 1), share.wants(9, 1), share.wants(11, 1), share.wants(10, 2)]).toEqual([
    false,
    false,
    true,
    true,
  ])
  share.startOver()
  expect(share.wants(10, 1)).toBe(true)
})

test('gives up what is more than fair, each partition when nothing of it is in hand', () => {
  const share = shareOf([1, 2, 3, 4])
  share.begins(10, 1)
  share.took(10, 1)
  share.divide(2, [1, 2, 3, 4])
  expect(share.leaving).toEqual([1, 2])
  expect([share.wants(11, 1), share.wants(11, 2), share.wants(11, 3)]).toEqual([false, false, true])
  expect(share.drained()).toEqual([2])
  expect(share.finished([10])).toBe(true)
  expect(share.drained()).toEqual([1, 2])
  expect(share.divide(2, [3, 4])).toBe(false)
  expect(share.leaving).toEqual([])
})

test('keeps a partition that it wanted to give up when the others are gone, and goes on where it was', () => {
  const share = shareOf([1, 2])
  share.begins(10, 1)
  share.took(10, 1)
  share.divide(1, [1, 2])
  expect(share.leaving).toEqual([1])
  const { round } = share.from
  expect(share.divide(2, [1, 2])).toBe(true)
  expect(share.from.round).not.toBe(round)
  expect([share.wants(10, 1), share.wants(11, 1)]).toEqual([false, true])
})

test('a partition that was lost and comes back is read from what is not acknowledged', () => {
  const share = shareOf([1])
  share.begins(10, 1)
  share.took(10, 1)
  share.divide(1, [])
  expect(share.wants(11, 1)).toBe(false)
  share.divide(1, [1])
  expect(share.wants(10, 1)).toBe(true)
})

test('another run of the server may lack acknowledgements: all but what is in hand is handed out again', () => {
  const share = shareOf([1])
  expect(share.ranOn('a')).toBe(false)
  for (const place of [10, 11]) {
    share.begins(place, 1)
    share.took(place, 1)
  }
  share.finished([10])
  expect(share.ranOn('a')).toBe(false)
  expect([share.wants(10, 1), share.wants(11, 1)]).toEqual([false, false])
  expect(share.ranOn('b')).toBe(true)
  expect([share.wants(10, 1), share.wants(11, 1), share.wants(12, 1)]).toEqual([true, false, true])
})

test('an acknowledgement of what it does not have in hand changes nothing', () => {
  const share = shareOf([1])
  share.begins(10, 1)
  share.begins(10, 1)
  expect(share.finished([9, 11])).toBe(false)
  share.divide(0, [1])
  expect(share.finished([10])).toBe(true)
  expect(share.finished([10])).toBe(false)
})
