import { expect, test } from 'vitest'
import { IdSpans, placeOf, suffixOf } from '../../../../src/state/waiting/id-span.ts'
import { SHAPE } from './contract.ts'

const GTID = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const spansOf = (ids: readonly string[]): Record<string, [number, number]> => {
  const spans = new IdSpans()
  for (const id of ids) spans.add(id, SHAPE)
  return Object.fromEntries([...spans.byName].map(([name, { low, high }]) => [name, [low, high]]))
}

test('ids of a binlog differ in two numbers, of which the first is that of the transaction', () => {
  const place = (id: string) => placeOf(id, suffixOf(id, SHAPE))
  const one = place(`${GTID}:1234/5#rule#0`)
  expect(one.name).toBe(`${GTID}:#rule#0`)
  expect(place(`${GTID}:1234/6#rule#0`)).toEqual({ name: one.name, number: one.number + 1 })
  expect(place(`${GTID}:1235/0#rule#0`).number).toBeGreaterThan(one.number + 1_000)
  expect(place('binlog.000007:4711/0#rule#0').name).toBe('binlog.000007:#rule#0')
  expect(place('0-1-99/3#rule#0#former').name).toBe('0-1-#rule#0#former')
})

test.each([
  'evt_01#rule#0',
  'orders/created#rule#0',
  'tx:7/05#rule#0',
  'tx:07/5#rule#0',
  'tx:/5#rule#0',
  `tx:${2 ** 32}/5#rule#0`,
  `tx:7/${2 ** 20}#rule#0`,
  `tx:7/${'1'.repeat(40)}#rule#0`,
  'tx:7/5#another#0',
])('%s is a name of its own', (id) => {
  expect(placeOf(id, suffixOf(id, SHAPE))).toEqual({ name: id, number: 0 })
})

test('the span of ids that follow each other has all of them, in whatever order they come', () => {
  const at = (transaction: number, event: number): number => transaction * 2 ** 20 + event
  const ids = ['tx:9/1', 'tx:9/0', 'tx:9/12', 'tx:10/3', 'tx:8/7'].map((id) => `${id}#rule#0`)
  expect(spansOf(ids)).toEqual({ 'tx:#rule#0': [at(8, 7), at(10, 3)] })
  expect(spansOf([...ids, 'tx:9/2#rule#0#former', 'tx:9/05#rule#0'])).toEqual({
    'tx:#rule#0': [at(8, 7), at(10, 3)],
    'tx:#rule#0#former': [at(9, 2), at(9, 2)],
    'tx:9/05#rule#0': [0, 0],
  })
})
