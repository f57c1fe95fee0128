import { expect, test } from 'vitest'
import { RecentEntries } from '../../../src/log/recent-entries.ts'
import type { LogEntry } from '../../../src/model/state/event-log.ts'

const entry = (place: number, bytes = 10): LogEntry => ({
  id: String(place),
  type: 'orders.order.create',
  key: null,
  source: 'api',
  payload: new Uint8Array(bytes),
  at: 0,
  place: String(place),
  appendedAt: 0,
})

function recentOf(...places: readonly number[]): RecentEntries {
  const recent = new RecentEntries()
  for (const place of places) recent.add(entry(place))
  return recent
}

const places = (entries: readonly LogEntry[] | null): readonly number[] | null =>
  entries === null ? null : entries.map(({ place }) => Number(place))

test('gives what is behind a place and up to another one, some at a time', () => {
  const recent = recentOf(5, 6, 7, 8)
  expect(places(recent.behind(4, 8, 10))).toEqual([5, 6, 7, 8])
  expect(places(recent.behind(5, 7, 10))).toEqual([6, 7])
  expect(places(recent.behind(4, 8, 2))).toEqual([5, 6])
  expect(places(recent.behind(8, 8, 2))).toEqual([])
})

test('leaves it to the file where the first or the last of what is asked for is not here', () => {
  expect(recentOf().behind(0, 1, 10)).toBeNull()
  expect(recentOf(5, 6).behind(3, 6, 10)).toBeNull()
  expect(recentOf(5, 6).behind(4, 7, 10)).toBeNull()
})

test('keeps nothing from before a place that was left out', () => {
  const recent = recentOf(5, 6, 8, 9)
  expect(recent.behind(4, 9, 10)).toBeNull()
  expect(places(recent.behind(7, 9, 10))).toEqual([8, 9])
})

test('forgets what was read, and what was not written', () => {
  const recent = recentOf(5, 6, 7, 8)
  recent.forget(5)
  recent.takeBack(7)
  expect(recent.behind(4, 7, 10)).toBeNull()
  expect(places(recent.behind(5, 7, 10))).toEqual([6, 7])
  recent.add(entry(8))
  expect(places(recent.behind(5, 8, 10))).toEqual([6, 7, 8])
  recent.takeBack(2)
  recent.add(entry(3))
  expect(places(recent.behind(2, 3, 10))).toEqual([3])
})

test('keeps the newest of many, and of large ones', () => {
  const recent = recentOf(...Array.from({ length: 20_000 }, (_, i) => i + 1))
  expect(recent.behind(0, 20_000, 1)).toBeNull()
  expect(places(recent.behind(19_990, 20_000, 2))).toEqual([19_991, 19_992])
  for (let place = 20_001; place <= 20_010; place++) recent.add(entry(place, 1 << 20))
  expect(recent.behind(20_000, 20_010, 1)).toBeNull()
  expect(places(recent.behind(20_009, 20_010, 1))).toEqual([20_010])
})
