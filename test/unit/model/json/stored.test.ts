import { expect, test } from 'vitest'
import {
  anyOf,
  count,
  flag,
  list,
  mapOf,
  number,
  orNull,
  text,
  timeUs,
  tupleOf,
} from '../../../../src/model/json/shape.ts'
import { readStored } from '../../../../src/model/json/stored.ts'

const CHECK = mapOf({
  name: text,
  place: tupleOf(text, count, orNull(flag)),
  row: anyOf(list, orNull(mapOf({ id: number }))),
  at: timeUs,
})
const GOOD = { name: 'a', place: ['b', 1, null], row: [1], at: 0 }

function read(stored: string): unknown {
  return readStored(stored, CHECK, (fault, cause) => new Error(fault, { cause }))
}

test('what a store has kept is read as it was', () => {
  expect(read(JSON.stringify(GOOD))).toEqual(GOOD)
  expect(read(JSON.stringify({ ...GOOD, row: { id: 2 }, place: ['b', 0, true] }))).toMatchObject({ row: { id: 2 } })
})

test.each([
  ['{"name":', 'it is not JSON'],
  ['null', 'it is not a map'],
  [JSON.stringify({ ...GOOD, name: 1 }), 'name is not a text'],
  [JSON.stringify({ ...GOOD, place: {} }), 'place is not a list of 3'],
  [JSON.stringify({ ...GOOD, place: ['b', -1, null] }), 'place[1] is not a whole number of 0 or more'],
  [JSON.stringify({ ...GOOD, place: ['b', 1, 0] }), 'place[2] is not true or false'],
  [JSON.stringify({ ...GOOD, place: ['b', 1, true, 4] }), 'place is not a list of 3'],
  [JSON.stringify({ ...GOOD, row: 'x' }), 'row is not a list'],
  [JSON.stringify({ ...GOOD, at: 8.65e18 }), 'at is not a time in microseconds'],
])('%s is refused: %s', (stored, fault) => {
  expect(() => read(stored)).toThrow(fault)
})
