import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Change, type Transaction } from '../../../src/model/event/change.ts'
import type { Row, Value } from '../../../src/model/event/row.ts'
import type { TableDef } from '../../../src/model/table/table.ts'
import { changeText, parseRecord, recordText, signText } from '../../../src/scale/record.ts'
import { Pieces, piecesOf } from '../../../src/scale/pieces.ts'
import { defineTable } from '../../../src/index.ts'

const TABLE: TableDef = defineTable({
  schema: 'shop',
  name: 'items',
  columns: { id: 'uint64', price: 'string', weight: 'float', doc: 'json', ['__proto__']: 'string' },
  key: ['id'],
})
const TRANSACTION: Transaction = {
  id: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23',
  gtid: '3e11fa47-71ca-11e1-9e33-c80aa9429562:23',
  file: 'binlog.000003',
  offset: 157,
  serverId: 7,
  timestampUs: 1_764_000_000_123_456,
  query: 'UPDATE shop.items SET price = 2',
}

function row(values: readonly (readonly [string, Value])[]): Row {
  const made = Object.create(null) as { [column: string]: Value }
  for (const [name, value] of values) Object.defineProperty(made, name, { value, enumerable: true })
  return made
}

function throughTheLog(change: Change): Change {
  const record = parseRecord(recordText({ epoch: 5, number: 9 }, 'shape', [1, 2], change.id, changeText(change)))
  if (record.tag !== 'change') throw new Error('not a change')
  expect(record).toMatchObject({ ordinal: { epoch: 5, number: 9 }, shape: 'shape', meet: [1, 2], id: change.id })
  return record.change(change.table)
}

const VALUES: readonly Value[] = [
  0,
  -0,
  1,
  -17,
  2 ** 53 - 1,
  2n ** 53n,
  2n ** 64n - 1n,
  -(2n ** 63n),
  0.1,
  1e-300,
  1.7976931348623157e308,
  5e-324,
  2 ** 53,
  1e17,
  123_456_789_012_345_680_000,
  -1e21,
  '',
  '12345678901234567890',
  'a "quoted" \\ line\nbreak \u0000 \ud83d\ude00 \ud800',
  null,
  true,
  ['a', 1, [2n ** 60n, null]],
  { a: 1e18, b: { c: 2n ** 63n }, 'd e': [] },
]

test.each(VALUES.map((value) => [inspect(value), value] as const))(
  'a value comes out of the log as it was: %s',
  (_, value) => {
    const old = row([
      ['id', 1],
      ['price', '12.50'],
      ['weight', 1.5],
      ['doc', value],
      ['__proto__', 'x'],
    ])
    const change = new Change(TABLE, 'update', TRANSACTION, 4, old, row([['doc', value]]), TRANSACTION.query)
    const back = throughTheLog(change)
    expect(back.old!['doc']).toStrictEqual(value)
    expect(Object.is(back.new!['doc'], -0)).toBe(Object.is(value, -0))
    expect(Object.entries(back.old!)).toStrictEqual(Object.entries(old))
    // Columns that the image does not have stay absent.
    expect(Object.keys(back.new!)).toEqual(['doc'])
  },
)

test('a change keeps its id, its transaction, its place and its statement', () => {
  const change = new Change(TABLE, 'delete', TRANSACTION, 4, row([['id', 2n ** 64n - 1n]]), null, TRANSACTION.query)
  const back = throughTheLog(change)
  const { id, op, seq, key, query, at, transaction } = change
  expect(back).toMatchObject({ id, op, seq, key, query, at, transaction, new: null })
})

test('statements keep their text, however long; that of a row is cut', () => {
  const sql = `TRUNCATE TABLE items /* ${'x'.repeat(5_000)} */`
  const table: TableDef = { schema: 'shop', name: 'items', columns: [], key: [], flavour: 'mysql' }
  expect(throughTheLog(new Change(table, 'truncate', TRANSACTION, 0, null, null, sql)).query).toBe(sql)
  const inserted = new Change(TABLE, 'insert', TRANSACTION, 0, null, row([['id', 1]]), sql)
  expect(throughTheLog(inserted).query!.length).toBeLessThan(2_100)
})

test('signs of a run have an ordinal, and nothing else is taken for a record', () => {
  expect(parseRecord(signText('hello', { epoch: 3, number: 0 }))).toEqual({
    tag: 'hello',
    ordinal: { epoch: 3, number: 0 },
  })
  expect(parseRecord(signText('bye', { epoch: 3, number: 8 }))).toEqual({
    tag: 'bye',
    ordinal: { epoch: 3, number: 8 },
  })
  expect(() => parseRecord('hello')).toThrow('JSON')
})

describe('A record that is larger than the log takes', () => {
  const record = `["c",${'ä😀x'.repeat(100)}]`
  const older = { epoch: 3, number: 9 }
  const newer = { epoch: 4, number: 1 }
  const taken = (bodies: readonly string[]): (string | null)[] => {
    const pieces = new Pieces()
    return bodies.map((body) => pieces.add(body)).filter((text) => text !== null)
  }

  test.each([46, 50, 100, 333])('is put together again of its pieces of %i bytes', (bytes) => {
    const pieces = piecesOf(record, newer, bytes)
    expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(bytes)
    expect(taken(pieces)).toEqual([record])
    expect(piecesOf('[1]', newer, bytes)).toEqual(['[1]'])
  })

  test('is taken once, whatever of it stands there twice', () => {
    const pieces = piecesOf(record, newer, 333)
    expect(pieces.length).toBeGreaterThan(3)
    for (let end = 1; end <= pieces.length; end++) {
      // No answer came; or one did, and what was on its way comes as well.
      expect(taken([...pieces.slice(0, end), ...pieces])).toEqual(end === pieces.length ? [record, record] : [record])
      expect(taken([...pieces, ...pieces.slice(end)])).toEqual([record])
    }
  })

  test('is whole, wherever something of a reader that was replaced comes in between', () => {
    const other = `["c",${'other'.repeat(200)}]`
    const late = piecesOf(other, older, 333)
    const pieces = piecesOf(record, newer, 333)
    for (let at = 1; at < pieces.length; at++) {
      for (let from = 0; from < late.length; from++) {
        const between = late.slice(from)
        expect(taken([...pieces.slice(0, at), ...between, ...pieces.slice(at)])).toEqual([record])
      }
      const whole = [...pieces.slice(0, at), '["h",3,0]', ...pieces.slice(at)]
      expect(taken(whole)).toEqual(['["h",3,0]', record])
      // A reader was killed in the middle, and the next one begins anew.
      expect(taken([...late.slice(0, at), ...pieces])).toEqual([record])
    }
  })

  test('is not made of what is no whole', () => {
    const pieces = piecesOf(record, newer, 333)
    expect(taken(pieces.slice(1))).toEqual([])
    expect(taken([...pieces.slice(0, 1), ...pieces.slice(2)])).toEqual([])
  })
})
