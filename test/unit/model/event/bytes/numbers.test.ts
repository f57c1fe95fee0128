import { expect, test } from 'vitest'
import { writeDouble } from '../../../../../src/model/event/bytes/numbers.ts'
import { Random } from '../../../../support/random-tables.ts'

const bytes = Buffer.alloc(64)
const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
const written = (value: number): string => bytes.toString('latin1', 8, writeDouble(view, 8, value))

const EDGES = [
  0,
  -0,
  1,
  -1,
  0.1,
  0.5,
  1 / 3,
  0.001,
  0.0009999,
  1e-6,
  1e-7,
  1.000_001,
  1.000_000_1,
  999_999_999.999_999,
  1e9,
  1e9 + 0.5,
  123_456_789.123_456,
  2 ** 53,
  2 ** 53 + 2,
  1e21,
  1e308,
  5e-324,
  0.1 + 0.2,
  99.95,
  100.1,
  Number.MAX_VALUE,
  4_503_599_627.370_497,
]

test('a DOUBLE is written as JSON.stringify writes it, at the edges and with any number of decimals', () => {
  const random = new Random(40)
  const values = [...EDGES, ...EDGES.map((value) => -value)]
  for (let i = 0; i < 5_000; i++) {
    values.push(random.below(2 ** 31) / 10 ** random.below(10))
    values.push((random.below(2 ** 31) * 2 ** 22 + random.below(2 ** 22)) / 10 ** (random.below(12) + 1))
    values.push(Math.fround(random.below(1_000_000) / 997))
    values.push(random.below(1_000_000) / 7)
  }
  expect(values.filter((value) => written(value) !== JSON.stringify(value))).toEqual([])
})

test('what is not finite is null', () => {
  expect([Number.NaN, Infinity, -Infinity].map(written)).toEqual(['null', 'null', 'null'])
})
