import { deflateRawSync, deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { ColumnDef, ValueKind } from '../../../../../../src/model/table/table.ts'
import { columnCodec } from '../../../../../../src/sources/mysql/binlog/columns/column-codec.ts'
import { shortestFloat } from '../../../../../../src/sources/mysql/binlog/columns/floats.ts'
import { valueKind } from '../../../../../../src/model/table/value-kind.ts'
import { inet6Text } from '../../../../../../src/sources/mysql/binlog/columns/mariadb.ts'
import { readGeometry } from '../../../../../../src/sources/mysql/binlog/columns/geometry.ts'
import { decodeRows } from '../../../../../support/binlog-rows.ts'
import { column, shapeOf, tableOf } from '../row-images.ts'

const corrupt = expect.objectContaining({ code: 'BINGO_BINLOG_CORRUPT' }) as Error

function valueOf(definition: ColumnDef, ...bytes: Uint8Array[]): unknown {
  const images = Buffer.concat([Buffer.of(0), ...bytes])
  return decodeRows(tableOf(definition), shapeOf('insert'), images)[0]!.new![definition.name]
}

describe('Floats', () => {
  it.each([1.1, 0.1, 3.4028235e38, 1e-45, 16777216, 33554432, 123456.7, -0.3, 4194304.5, 1.1754944e-38])(
    '%d keeps the digits that it was written with',
    (number) => {
      expect(shortestFloat(Math.fround(number))).toBe(number)
    },
  )
})

describe('ENUM and SET', () => {
  it('of a value that the table does not have are corrupt', () => {
    const enumeration = column('v', 247, 1, { values: ['a'] })
    expect(valueOf(enumeration, Buffer.of(0))).toBe('')
    expect(() => valueOf(enumeration, Buffer.of(2))).toThrow(corrupt)
    expect(() => valueOf(column('v', 248, 1, { values: ['a'] }), Buffer.of(3))).toThrow(corrupt)
  })

  it('without their values cannot be compiled', () => {
    expect(() => columnCodec(column('v', 247, 1))).toThrow(/no values known of column v/)
    expect(() => columnCodec(column('v', 99))).toThrow(/column type 99/)
  })
})

describe('Compressed columns', () => {
  const compressed = column('v', 140, 2, { collation: 255 })
  const prefixed = (bytes: Buffer): Buffer => Buffer.concat([Buffer.of(bytes.length, 0), bytes])
  const packed = (header: number, length: number, data: Buffer): Buffer =>
    prefixed(Buffer.concat([Buffer.of(header, length), data]))

  it('are stored as they are, as zlib or as a raw deflate stream', () => {
    expect(valueOf(compressed, prefixed(Buffer.from('\0plain')))).toBe('plain')
    expect(valueOf(compressed, prefixed(Buffer.alloc(0)))).toBe('')
    expect(valueOf(compressed, packed(0x81, 100, deflateSync(Buffer.alloc(100, 'x'))))).toBe('x'.repeat(100))
    expect(valueOf(compressed, packed(0x89, 100, deflateRawSync(Buffer.alloc(100, 'x'))))).toBe('x'.repeat(100))
  })

  it('that would exceed their announced length are not inflated', () => {
    const bomb = deflateSync(Buffer.alloc(50_000))
    expect(() => valueOf(compressed, packed(0x81, 100, bomb))).toThrow(corrupt)
    expect(() => valueOf(compressed, packed(0x81, 200, deflateSync(Buffer.alloc(100))))).toThrow(corrupt)
    expect(() => valueOf(compressed, packed(0x91, 1, Buffer.of(1)))).toThrow(corrupt)
    expect(() => valueOf(compressed, prefixed(Buffer.of(0x84, 255, 255, 255, 255, 1)))).toThrow(corrupt)
    expect(() => valueOf(compressed, prefixed(Buffer.of(0x84, 1)))).toThrow(corrupt)
  })
})

describe('Geometries', () => {
  const read = (hex: string): unknown => {
    const bytes = Buffer.from(hex, 'hex')
    return readGeometry(bytes, 0, bytes.length)
  }

  it('are read in either byte order', () => {
    expect(read('00000000' + '01' + '01000000' + '000000000000f03f' + '0000000000000040')).toEqual({
      type: 'Point',
      coordinates: [1, 2],
    })
    expect(read('00000000' + '00' + '00000001' + '3ff0000000000000' + '4000000000000000')).toEqual({
      type: 'Point',
      coordinates: [1, 2],
    })
  })

  it('that promise more than they hold, or nest without end, are corrupt', () => {
    expect(() => read('00000000' + '01' + '02000000' + 'ffffffff')).toThrow(corrupt)
    expect(() => read('00000000' + '01' + '09000000' + '00000000')).toThrow(corrupt)
    expect(() => read('0000')).toThrow(corrupt)
    expect(() => read('00000000' + '010700000001000000'.repeat(2000))).toThrow(corrupt)
  })
})

describe('INET6', () => {
  it('leaves out the longest run of zeros, the first of equals', () => {
    const text = (hex: string): string => inet6Text(Buffer.from(hex, 'hex'))
    expect(text('00010000000000020000000000000003')).toBe('1:0:0:2::3')
    expect(text('00000000000000000000000000000000')).toBe('::')
    expect(text('fe800000000000000000000000000000')).toBe('fe80::')
    expect(text('00010002000300040005000600070008')).toBe('1:2:3:4:5:6:7:8')
  })
})

describe('The kind of a column', () => {
  it.each<[ColumnDef, ValueKind]>([
    [column('v', 1), 'int'],
    [column('v', 3, 0, { unsigned: true }), 'int'],
    [column('v', 8), 'int'],
    [column('v', 8, 0, { unsigned: true }), 'uint64'],
    [column('v', 13), 'int'],
    [column('v', 16, 63), 'int'],
    [column('v', 16, 64), 'uint64'],
    [column('v', 4), 'float'],
    [column('v', 246, (10 << 8) | 2), 'string'],
    [column('v', 18), 'string'],
    [column('v', 247, 1), 'string'],
    [column('v', 248, 1), 'set'],
    [column('v', 245, 4), 'json'],
    [column('v', 255, 4), 'geometry'],
    [column('v', 242, 4), 'vector'],
    [column('v', 15, 12, { special: 'vector' }), 'vector'],
  ])('%o is %s', (definition, kind) => {
    expect(valueKind(definition)).toBe(kind)
  })
})
