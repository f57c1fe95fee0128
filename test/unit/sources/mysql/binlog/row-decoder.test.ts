import { describe, expect, it } from 'vitest'
import { BingoError } from '../../../../../src/model/errors.ts'
import { compileRowDecoder, type RowDecoder } from '../../../../../src/sources/mysql/binlog/rows/row-decoder.ts'
import { decodeRows } from '../../../../support/binlog-rows.ts'
import { Random } from '../../../../support/random-tables.ts'
import { decodeSlowly } from './reference-decoder.ts'
import { columnChanged } from '../../../../../src/model/event/changed-columns.ts'
import { column, present, shapeOf, tableOf } from './row-images.ts'
import { fc } from '../../../../support/properties.ts'

const LATIN1 = 8
const UTF8MB4 = 255
const BINARY = 63

/** id INT, name VARCHAR(20), big BIGINT. */
const users = tableOf(column('id', 3), column('name', 15, 20, { collation: UTF8MB4 }), column('big', 8))
const row = (id: number, name: string): Buffer => {
  const bytes = Buffer.from([0, id, 0, 0, 0, name.length, ...Buffer.from(name), 0, 0, 0, 0, 0, 0, 0, 0])
  bytes.writeBigInt64LE(BigInt(id) * -7n, bytes.length - 8)
  return bytes
}

/** One column of every wire type. */
const everything = tableOf(
  column('tiny', 1),
  column('short', 2, 0, { unsigned: true }),
  column('medium', 9),
  column('long', 3),
  column('longlong', 8, 0, { unsigned: true }),
  column('float', 4, 4),
  column('double', 5, 8),
  column('decimal', 246, (20 << 8) | 4),
  column('date', 10),
  column('year', 13),
  column('time', 11),
  column('datetime', 12),
  column('timestamp', 7),
  column('time2', 19, 5),
  column('datetime2', 18, 3),
  column('timestamp2', 17, 6),
  column('hires', 12, 6, { special: 'mariadb53-temporal' }),
  column('bits', 16, 50),
  column('enum', 247, 1, { values: ['a', 'b'] }),
  column('set', 248, 2, { values: Array.from({ length: 16 }, (_, i) => `m${i}`) }),
  column('varchar', 15, 20, { collation: UTF8MB4 }),
  column('long_varchar', 15, 2000, { collation: LATIN1 }),
  column('char', 254, 10, { collation: UTF8MB4 }),
  column('binary', 254, 16, { collation: BINARY }),
  column('uuid', 254, 16, { collation: BINARY, special: 'uuid' }),
  column('inet6', 254, 16, { collation: BINARY, special: 'inet6' }),
  column('blob', 252, 2, { collation: BINARY }),
  column('text', 252, 4, { collation: UTF8MB4 }),
  column('compressed', 140, 2, { collation: UTF8MB4 }),
  column('json', 245, 4),
  column('geometry', 255, 4),
  column('vector', 242, 4),
)

describe('A row decoder', () => {
  it('visits each row with its values and its bytes', () => {
    const images = Buffer.concat([Buffer.of(9, 9), row(1, 'ann'), row(2, 'bob'), Buffer.of(9)])
    const decode = compileRowDecoder(users, shapeOf('insert'), { old: 'all', new: 'all' })
    const seen: unknown[] = []
    const rows = decode(images, 2, images.length - 1, (old, new_, start, end) => seen.push([old, new_, start, end]))
    expect(rows).toBe(2)
    expect(seen).toEqual([
      [null, { id: 1, name: 'ann', big: -7 }, 2, 2 + row(1, 'ann').length],
      [null, { id: 2, name: 'bob', big: -14 }, 2 + row(1, 'ann').length, images.length - 1],
    ])
  })

  it('gives both images of an update, and the old one of a delete', () => {
    const images = Buffer.concat([row(1, 'ann'), row(1, 'eve')])
    expect(decodeRows(users, shapeOf('update'), images, { old: new Set([1]), new: new Set([0, 1]) })).toEqual([
      { old: { name: 'ann' }, new: { id: 1, name: 'eve' } },
    ])
    expect(decodeRows(users, shapeOf('delete'), row(3, 'x'), { old: new Set([0]), new: 'all' })).toEqual([
      { old: { id: 3 }, new: null },
    ])
  })

  it('counts the rows of a table of which nothing is needed', () => {
    const decode = compileRowDecoder(users, shapeOf('insert'), { old: new Set(), new: new Set() })
    const images = Buffer.concat([row(1, 'ann'), row(2, 'bob')])
    const seen: unknown[] = []
    expect(decode(images, 0, images.length, (_old, new_) => seen.push(new_))).toBe(2)
    expect(seen).toEqual([{}, {}])
  })

  it('makes NULL null and leaves absent columns out', () => {
    const shape = shapeOf('update', { presentOld: present(0), presentNew: present(1, 2) })
    const images = Buffer.from([0, 5, 0, 0, 0, 0b10, 1, 120])
    const [only] = decodeRows(users, shape, images)
    expect(only).toEqual({ old: { id: 5 }, new: { id: 5, name: 'x', big: null } })
    expect('name' in only!.old!).toBe(false)
    expect(only!.old!['name']).toBe(undefined)
  })

  it('takes into the new row what an UPDATE leaves out of its after image, in table order', () => {
    const shape = shapeOf('update', { presentNew: present(1) })
    const images = Buffer.concat([row(5, 'ann'), Buffer.from([0, 1, 120]), row(6, 'bob'), Buffer.from([1])])
    const rows = decodeRows(users, shape, images)
    expect(rows.map(({ new: new_ }) => new_)).toEqual([
      { ...rows[0]!.old, name: 'x' },
      { ...rows[1]!.old, name: null },
    ])
    expect(Object.keys(rows[0]!.new!)).toEqual(Object.keys(rows[0]!.old!))
    const some = decodeRows(users, shape, images, { old: new Set<number>(), new: new Set([0]) })
    expect(some).toEqual([
      { old: {}, new: { id: 5 } },
      { old: {}, new: { id: 6 } },
    ])
  })

  it('keeps a JSON null apart from NULL, in a row that was completed too', () => {
    const table = tableOf(column('id', 1), column('doc', 245, 4))
    const json = Buffer.of(2, 0, 0, 0, 4, 0)
    const images = Buffer.concat([Buffer.of(0b10, 1), Buffer.of(0, 1), json, Buffer.of(0, 1), json, Buffer.of(0b10, 1)])
    const rows = decodeRows(table, shapeOf('update'), images)
    expect(rows.map(({ new: new_ }) => new_)).toEqual([
      { id: 1, doc: null },
      { id: 1, doc: null },
    ])
    expect(rows.map((each) => columnChanged('doc', each.old, each.new))).toEqual([true, true])
    const shape = shapeOf('update', { presentNew: present(0) })
    const [kept] = decodeRows(table, shape, Buffer.concat([Buffer.of(0, 1), json, Buffer.of(0, 2)]))
    expect(columnChanged('doc', kept!.old, kept!.new)).toBe(false)
    expect(columnChanged('doc', null, kept!.new)).toBe(true)
  })

  it('skips hidden columns, and leaves out those of which the type is not known', () => {
    const table = { ...tableOf(column('a', 1), column('b', 254, 4, { collation: 63, special: 'unknown' })) }
    const hidden = { ...table, hidden: [column('c', 8)] }
    const images = Buffer.concat([Buffer.of(0, 7, 2, 1, 2), Buffer.alloc(8, 9), Buffer.of(0b100, 8, 0)])
    expect(decodeRows(hidden, shapeOf('insert'), images)).toEqual([
      { old: null, new: { a: 7 } },
      { old: null, new: { a: 8 } },
    ])
  })

  it('makes rows that inherit nothing, whatever their columns are called', () => {
    const table = tableOf(column('__proto__', 1), column('constructor', 1), column('\u2028"];throw 1//', 1))
    const [only] = decodeRows(table, shapeOf('insert'), Buffer.of(0, 1, 2, 3))
    expect(Object.keys(only!.new!)).toEqual(['__proto__', 'constructor', '\u2028"];throw 1//'])
    expect(Object.values(only!.new!)).toEqual([1, 2, 3])
    const [plain] = decodeRows(users, shapeOf('insert'), row(1, 'x'))
    expect((plain!.new as { constructor?: unknown }).constructor).toBe(undefined)
  })

  it('skips columns of every width in any combination', () => {
    const random = new Random(7)
    for (let round = 0; round < 200; round++) {
      const columns = everything.columns.filter((one) => one.type !== 140 && one.type < 242 && random.chance(50))
      const simple = tableOf(...columns.filter((one) => ![11, 12, 7, 16].includes(one.type)))
      if (simple.columns.length === 0) continue
      const images = randomImages(simple, random, 3)
      const whole = decodeRows(simple, shapeOf('insert'), images)
      expect(whole).toEqual(decodeSlowly(simple, shapeOf('insert'), images))
      const subset = new Set([...simple.columns.keys()].filter(() => random.chance(30)))
      const part = decodeRows(simple, shapeOf('insert'), images, { old: 'all', new: subset })
      expect(part).toEqual(
        whole.map(({ new: full }) => ({
          old: null,
          new: Object.fromEntries([...subset].map((i) => [simple.columns[i]!.name, full![simple.columns[i]!.name]])),
        })),
      )
    }
  })

  it('takes an image of no columns for one row', () => {
    const shape = shapeOf('insert', { presentNew: present() })
    expect(decodeRows(users, shape, Buffer.alloc(0))).toEqual([{ old: null, new: {} }])
    expect(() => decodeRows(users, shape, Buffer.of(1))).toThrow(BingoError)
  })

  it('refuses a row that ends before its last byte, wherever that is', () => {
    const whole = Buffer.concat([row(1, 'ann'), row(2, 'bob')])
    for (let cut = 1; cut < row(2, 'bob').length; cut++) {
      for (const select of [new Set([0]), new Set<number>(), 'all'] as const) {
        const images = whole.subarray(0, whole.length - cut)
        expect(() => decodeRows(users, shapeOf('insert'), images, { old: 'all', new: select })).toThrow(
          expect.objectContaining({ code: 'BINGO_BINLOG_CORRUPT' }),
        )
      }
    }
  })

  it('refuses a length that reaches into the bytes behind the event', () => {
    const images = Buffer.concat([row(1, 'ann'), Buffer.alloc(300, 1)])
    images[5] = 250
    const decode = compileRowDecoder(users, shapeOf('insert'), { old: 'all', new: 'all' })
    expect(() => decode(images, 0, row(1, 'ann').length, () => undefined)).toThrow(/past the end/)
  })

  it('refuses a value that no string can hold, without reading it', () => {
    const table = tableOf(column('text', 252, 4, { collation: UTF8MB4 }))
    const images = Buffer.alloc(0x1800_0010)
    images.writeUInt32LE(images.length - 5, 1)
    expect(() => decodeRows(table, shapeOf('insert'), images)).toThrow(
      expect.objectContaining({ code: 'BINGO_VALUE_TOO_LARGE', hint: expect.stringContaining('columns') as string }),
    )
    expect(decodeRows(table, shapeOf('insert'), images, { old: 'all', new: new Set() })).toHaveLength(1)
  })

  it('ends in values or in BINGO_BINLOG_CORRUPT for any bytes', () => {
    const decode = compileRowDecoder(everything, shapeOf('insert'), { old: 'all', new: 'all' })
    const partial = compileRowDecoder(everything, shapeOf('update', { partialJson: true }), { old: 'all', new: 'all' })
    const check = (bytes: Buffer): void => {
      for (const one of [decode, partial]) {
        rowsUnlessCorrupt(one, bytes)
      }
    }
    const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))
    const mostlyNull = fc
      .tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), anything)
      .map((parts) => Buffer.concat(parts))
    fc.assert(fc.property(anything, check), { numRuns: 3000, seed: 1 })
    fc.assert(fc.property(mostlyNull, check), { numRuns: 3000, seed: 2 })
  })

  it('ends in values or in BINGO_BINLOG_CORRUPT for a good row with some bytes changed', () => {
    const random = new Random(3)
    const decode = compileRowDecoder(everything, shapeOf('insert'), { old: 'all', new: 'all' })
    let values = 0
    for (let round = 0; round < 4000; round++) {
      const bytes = randomImages(everything, random, 1)
      for (let i = random.below(6); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256)
      values += rowsUnlessCorrupt(decode, bytes)
    }
    expect(values).toBeGreaterThan(100)
  })
})

/** How many rows a decoder finds; 0 when it calls them corrupt. Any other error is a failure. */
function rowsUnlessCorrupt(decode: RowDecoder, bytes: Buffer): number {
  try {
    return decode(bytes, 0, bytes.length, () => undefined)
  } catch (error) {
    if (error instanceof BingoError && error.code === 'BINGO_BINLOG_CORRUPT') return 0
    throw error
  }
}

/** Rows of random values in the right layout; some are NULL. */
function randomImages(table: typeof users, random: Random, rows: number): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i < rows; i++) {
    const nulls = Buffer.alloc((table.columns.length + 7) >> 3)
    const values: Buffer[] = []
    for (const [index, one] of table.columns.entries()) {
      if (random.chance(15)) nulls[index >> 3]! |= 1 << (index & 7)
      else values.push(randomValue(one.type, one.meta, random))
    }
    parts.push(nulls, ...values)
  }
  return Buffer.concat(parts)
}

/** A document {"a": 1}, POINT(0 0), a vector of one, a value stored uncompressed. */
const VALID: { readonly [type: number]: Buffer } = {
  245: Buffer.from('0001000c000b00010005010061', 'hex'),
  255: Buffer.concat([Buffer.from('000000000101000000', 'hex'), Buffer.alloc(16)]),
  242: Buffer.alloc(4),
  140: Buffer.from('\0stored'),
}

const FIXED: { readonly [type: number]: number } = { 1: 1, 2: 2, 9: 3, 3: 4, 8: 8, 13: 1, 11: 3, 7: 4 }

function randomValue(type: number, meta: number, random: Random): Buffer {
  const bytes = (length: number): Buffer => Buffer.from(random.hex(length), 'hex')
  if (FIXED[type] !== undefined) return bytes(FIXED[type])
  switch (type) {
    case 4:
      return Buffer.from(Float32Array.of(random.below(1000) / 7).buffer)
    case 5:
      return Buffer.from(Float64Array.of(random.below(1e6) / 7).buffer)
    case 10:
      return Buffer.of(0x21, 0xd4 + random.below(10), 0x0f)
    case 12:
      return Buffer.of(0, 0, 0, 0, 0, 0, 0, 0)
    case 16:
      return Buffer.concat([Buffer.of(1), bytes(((meta + 7) >> 3) - 1)])
    case 17:
      return Buffer.concat([bytes(4), Buffer.of(0, 1, 2)])
    case 18:
      return Buffer.of(0x99, 0xb9, 0x54, 0xa0, random.below(60), 0, 10 * random.below(10))
    case 19:
      return Buffer.of(0x80 + random.below(5), random.below(16), random.below(60), 0, 0, 10 * random.below(10))
    case 246:
      return Buffer.of(0x80, 0, 0, 7, 0, 0, 0, 8, random.below(100) % 38, random.below(15))
    case 247:
      return Buffer.of(random.below(3))
    case 248:
      return bytes(2)
    default:
      return randomBlob(type, meta, random)
  }
}

function randomBlob(type: number, meta: number, random: Random): Buffer {
  const lengthBytes = type === 15 || type === 254 ? (meta > 255 ? 2 : 1) : meta
  const value = VALID[type] ?? Buffer.from(random.text(5).replaceAll(/[^ -~]/gu, ''))
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntLE(value.length, 0, lengthBytes)
  return Buffer.concat([length, value])
}
