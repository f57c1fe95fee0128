import { expect, test } from 'vitest'
import { planNew, postOf, type Insert } from '../../../src/log/posting.ts'
import { OwnEntries, type Page } from '../../../src/log/redis/own-entries.ts'
import { newEvent, NOW } from '../../support/events/new-event.ts'

function inserts(...ids: readonly string[]): Insert[] {
  const events = ids.map((id) => newEvent(id, id.startsWith('later') ? { deliverAt: NOW + 1_000 } : {}))
  const post = postOf(events, { now: NOW, onConflict: 'keep' })
  const head = { seq: 0, place: 0, count: 0, bytes: 0 }
  return ids.map((_, i) => planNew(post, i, head))
}

const idsOf = (page: Page | null): readonly string[] | null => page && page.entries.map(({ id }) => id)

test('what was appended right behind what somebody has looked at is handed out, and that is all there is', () => {
  const own = new OwnEntries()
  const reading = own.begin()
  own.asks(reading)
  own.looked(reading, 10)
  own.add(11, inserts('a', 'b'))
  const page = own.page(reading)
  expect(page).toMatchObject({ upTo: 12, isLast: true, entries: [{ id: 'a', place: '11' }, { place: '12' }] })
  own.looked(reading, 12)
  expect(own.page(reading)).toBeNull()
})

test('where a place lies between, the server is asked', () => {
  const own = new OwnEntries()
  const reading = own.begin()
  own.asks(reading)
  own.looked(reading, 9)
  own.add(11, inserts('a'))
  expect(own.page(reading)).toBeNull()
  own.add(13, inserts('b'))
  own.looked(reading, 11)
  expect(own.page(reading)).toBeNull()
  own.looked(reading, 12)
  expect(idsOf(own.page(reading))).toEqual(['b'])
})

test('where somebody else may have appended something, these are not the last ones until the server was asked', () => {
  const own = new OwnEntries()
  const reading = own.begin()
  own.asks(reading)
  own.looked(reading, 10)
  own.add(11, inserts('a'))
  own.changed()
  expect(own.page(reading)).toMatchObject({ upTo: 11, isLast: false })
  own.asks(reading)
  expect(own.page(reading)).toMatchObject({ upTo: 11, isLast: true })
})

test('an event for later takes no place', () => {
  const own = new OwnEntries()
  const reading = own.begin()
  own.looked(reading, 10)
  own.add(11, inserts('a', 'later', 'b'))
  expect(own.page(reading)?.entries.map(({ id, place }) => [id, place])).toEqual([
    ['a', '11'],
    ['b', '12'],
  ])
})

test('they are kept for the one that is furthest behind, and not at all where nobody reads', () => {
  const own = new OwnEntries()
  const [first, second] = [own.begin(), own.begin()]
  own.looked(first, 10)
  own.looked(second, 10)
  own.add(11, inserts('a'))
  own.looked(first, 11)
  expect(own.lookedAt).toBe(10)
  expect(idsOf(own.page(second))).toEqual(['a'])
  own.end(second)
  own.end(first)
  expect(own.lookedAt).toBe(0)
  own.add(12, inserts('b'))
  const again = own.begin()
  own.looked(again, 11)
  expect(own.page(again)).toBeNull()
})

test('they are not kept for one that is far behind', () => {
  const own = new OwnEntries()
  const reading = own.begin()
  own.looked(reading, 10)
  own.add(5_011, inserts('a'))
  own.looked(reading, 5_010)
  expect(own.page(reading)).toBeNull()
  own.add(5_012, inserts('b'))
  own.looked(reading, 5_011)
  expect(idsOf(own.page(reading))).toEqual(['b'])
})
