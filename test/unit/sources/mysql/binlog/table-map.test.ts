import { describe, expect, test } from 'vitest'
import { presentColumns } from '../../../../../src/sources/mysql/binlog/rows/present-columns.ts'
import { readTableMap } from '../../../../../src/sources/mysql/binlog/tables/table-map.ts'
import type { Flavour } from '../../../../../src/model/table/table.ts'
import { counted, int } from './event-bytes.ts'

interface Parts {
  readonly types: readonly number[]
  readonly metas?: Buffer
  readonly nullable?: number
  readonly fields?: readonly (readonly [type: number, value: Buffer])[]
}

function bytesOf({ types, metas = Buffer.alloc(0), nullable = 0, fields = [] }: Parts): Buffer {
  return Buffer.concat([
    counted('shop'),
    int(0, 1),
    counted('t'),
    int(0, 1),
    int(types.length, 1),
    Buffer.from(types),
    int(metas.length, 1),
    metas,
    int(nullable, (types.length + 7) >> 3),
    ...fields.flatMap(([type, value]) => [int(type, 1), int(value.length, 1), value]),
  ])
}

function read(parts: Parts, flavour: Flavour = 'mysql') {
  const bytes = bytesOf(parts)
  return readTableMap(bytes, 0, bytes.length, flavour)
}

describe('types and their metadata', () => {
  test('are unpacked to one number each', () => {
    const { wire } = read({
      types: [1, 4, 5, 15, 16, 246, 252, 17, 18, 19, 254, 254, 254, 254, 245, 255, 242, 140, 141, 8],
      // prettier-ignore
      metas: Buffer.from([4, 8, 0x2c, 0x01, 5, 1, 12, 2, 2, 3, 0, 6, 247, 1, 248, 8, 254, 40, 0xce, 0xfc, 4, 4, 4, 2, 0x90, 1]),
      nullable: 0b1000_0000_0000_0000_0011,
    })
    expect([...wire.types]).toEqual([
      1, 4, 5, 15, 16, 246, 252, 17, 18, 19, 247, 248, 254, 254, 245, 255, 242, 140, 141, 8,
    ])
    expect(wire.metas).toEqual([0, 4, 8, 300, 13, (12 << 8) | 2, 2, 3, 0, 6, 1, 8, 40, 1020, 4, 4, 4, 2, 400, 0])
    expect(wire.nullable.flatMap((nullable, i) => (nullable ? [i] : []))).toEqual([0, 1, 19])
    expect(wire).toMatchObject({ schema: 'shop', name: 't', unsigned: null, collations: null })
  })

  test.each<[string, Parts]>([
    ['an unknown type', { types: [200] }],
    ['too little metadata', { types: [15], metas: Buffer.from([1]) }],
    ['too much metadata', { types: [3], metas: Buffer.from([1]) }],
    ['a decimal of 66 digits', { types: [246], metas: Buffer.from([66, 2]) }],
    ['a blob with lengths of 5 bytes', { types: [252], metas: Buffer.from([5]) }],
    ['7 fraction digits', { types: [18], metas: Buffer.from([7]) }],
    ['a field that goes over the end', { types: [3], fields: [[4, counted('id').subarray(0, 2)]] }],
    ['a key beyond the columns', { types: [3], fields: [[8, int(1, 1)]] }],
    [
      'a collation beyond the columns',
      { types: [254], metas: Buffer.from([254, 4]), fields: [[2, Buffer.from([45, 1, 8])]] },
    ],
    [
      'millions of ENUM values',
      { types: [254], metas: Buffer.from([247, 1]), fields: [[6, Buffer.from([0xfd, 0xff, 0xff, 0x7f])]] },
    ],
  ])('%s is corruption', (_, parts) => {
    expect(() => read(parts)).toThrow(expect.objectContaining({ code: 'BINGO_BINLOG_CORRUPT' }))
  })
})

describe('optional metadata', () => {
  const names = (...columns: string[]): [number, Buffer] => [4, Buffer.concat(columns.map(counted))]

  test('speaks only of the columns of its kind', () => {
    const { full } = read({
      types: [3, 254, 13, 254, 8, 254, 246],
      metas: Buffer.from([254, 40, 247, 1, 248, 1, 10, 2]),
      fields: [
        names('a', 'b', 'y', 'e', 'c', 's', 'd'),
        [1, Buffer.from([0b0110_0000])],
        [2, Buffer.from([45])],
        [10, Buffer.from([0xfc, 255, 0, 1, 63])],
        [6, Buffer.concat([int(2, 1), counted("x,'y"), counted('größe')])],
        [5, Buffer.concat([int(1, 1), counted('z')])],
        [9, Buffer.from([1, 10, 0, 0])],
        [12, Buffer.from([0b1011_1110])],
        [13, Buffer.from([3])],
        [99, Buffer.from([1, 2, 3])],
      ],
    })
    expect(full!.columns.map(({ unsigned }) => unsigned)).toEqual([false, false, true, false, true, false, false])
    expect(full!.columns.map(({ collation }) => collation)).toEqual([0, 45, 0, 255, 0, 63, 0])
    expect(full!.columns.map(({ values }) => values)).toEqual([
      undefined,
      undefined,
      undefined,
      ["x,'y", 'größe'],
      undefined,
      ['z'],
      undefined,
    ])
    expect(full!.columns.map(({ visible }) => visible)).toEqual([true, false, true, true, true, true, true])
    expect(full!.key).toEqual([1, 0])
  })

  test('a collation for each column', () => {
    const { full } = read({
      types: [254, 3, 15, 254],
      metas: Buffer.from([254, 4, 16, 0, 247, 1]),
      fields: [names('a', 'b', 'c', 'd'), [3, Buffer.from([8, 0xfc, 0x00, 0x09])], [11, Buffer.from([33])]],
    })
    expect(full!.columns.map(({ collation }) => collation)).toEqual([8, 0, 0x900, 33])
  })

  test('a geometry counts as a character column in MariaDB only', () => {
    const parts: Parts = {
      types: [255, 254],
      metas: Buffer.from([4, 254, 4]),
      fields: [names('g', 'c'), [2, Buffer.from([63, 1, 8])]],
    }
    expect(read(parts, 'mariadb').full!.columns.map(({ collation }) => collation)).toEqual([63, 8])
    expect(() => read(parts, 'mysql')).toThrow(expect.objectContaining({ code: 'BINGO_BINLOG_CORRUPT' }))
  })

  test('without names the rest goes to the resolver', () => {
    const { wire, full } = read({
      types: [3, 254],
      metas: Buffer.from([254, 4]),
      fields: [
        [1, int(0x80, 1)],
        [2, int(8, 1)],
      ],
    })
    expect(full).toBeNull()
    expect(wire).toMatchObject({ unsigned: [true, false], collations: [0, 8] })
  })
})

describe('present columns', () => {
  test('the same set is the same object', () => {
    const bytes = Buffer.from([0xff, 0x03, 0xff, 0xff, 0x05, 0x00, 0x05, 0xfc])
    const all = presentColumns(bytes, 0, 10)
    expect(presentColumns(bytes, 2, 10)).toBe(all)
    expect([all.all, all.has(9), all.has(10)]).toEqual([true, true, false])
    const some = presentColumns(bytes, 4, 10)
    expect(presentColumns(bytes, 6, 10)).not.toBe(all)
    expect([some.all, some.has(0), some.has(1), some.has(2)]).toEqual([false, true, false, true])
    expect(presentColumns(bytes, 4, 10)).toBe(some)
    expect(presentColumns(bytes, 0, 8).all).toBe(true)
    expect(presentColumns(bytes, 0, 0).all).toBe(true)
  })
})
