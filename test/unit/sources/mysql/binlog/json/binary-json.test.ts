import { describe, expect, it } from 'vitest'
import { readBinaryJson } from '../../../../../../src/sources/mysql/binlog/json/binary-json.ts'

const read = (hex: string): unknown => {
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return readBinaryJson(bytes, 0, bytes.length)
}
const corrupt = expect.objectContaining({ code: 'BINGO_BINLOG_CORRUPT' }) as Error

describe('A binary JSON document', () => {
  it('is an object, an array or a scalar', () => {
    expect(read('00 0100 0c00 0b00 0100 05 0100 61')).toEqual({ a: 1 })
    expect(read('02 0200 0a00 05 ffff 04 0100')).toEqual([-1, true])
    expect(read('04 00')).toBe(null)
    expect(read('04 02')).toBe(false)
    expect(read('0c 02 6162')).toBe('ab')
    expect(read('')).toBe(null)
  })

  it('keeps numbers exact at every width', () => {
    expect(read('05 0080')).toBe(-32768)
    expect(read('06 ffff')).toBe(65535)
    expect(read('07 00000080')).toBe(-2147483648)
    expect(read('08 ffffffff')).toBe(4294967295)
    expect(read('09 ffffffffffffffff')).toBe(-1)
    expect(read('09 0000000000000080')).toBe(-9223372036854775808n)
    expect(read('0a ffffffffffffffff')).toBe(18446744073709551615n)
    expect(read('0b 000000000000f83f')).toBe(1.5)
  })

  it('in the large format inlines 32-bit integers', () => {
    expect(read('03 01000000 0d000000 07 feffffff')).toEqual([-2])
    expect(read('01 01000000 14000000 13000000 0100 08 ffffffff 61')).toEqual({ a: 4294967295 })
  })

  it('with DECIMALs gives numbers where they are the same, else text', () => {
    // DECIMAL(3,2) 1.50, and DECIMAL(20,0) 12345678901234567890.
    expect(read('0f f6 04 03 02 81 32')).toBe(1.5)
    expect(read('0f f6 0b 14 00 8c 149aa435 0dfb38d2')).toBe('12345678901234567890')
  })

  it('is refused when an offset leads back or a value past the end', () => {
    expect(() => read('02 0100 0700 02 0000')).toThrow(corrupt)
    expect(() => read('02 0100 0700 0c ff00')).toThrow(corrupt)
    expect(() => read('0c 05 61')).toThrow(corrupt)
    expect(() => read('0c ffffffffff')).toThrow(corrupt)
    expect(() => read('09 00')).toThrow(corrupt)
    expect(() => read('63')).toThrow(corrupt)
    expect(() => read('04 09')).toThrow(corrupt)
    expect(() => read('03 ffffff7f ffffff7f')).toThrow(corrupt)
  })

  it('is refused when it is nested without end', () => {
    const level = Buffer.from('02010000000207 00'.replace(' ', ''), 'hex')
    const bytes = Buffer.concat(Array.from({ length: 5000 }, () => level.subarray(1)))
    for (let at = 0; at + 7 <= bytes.length; at += 7) bytes.writeUInt16LE(Math.min(bytes.length - at, 65535), at + 2)
    expect(() => readBinaryJson(Buffer.concat([Buffer.of(2), bytes]), 0, bytes.length + 1)).toThrow(corrupt)
  })

  it('is refused when short arrays share their elements and so grow without limit', () => {
    // 60 arrays of two elements, both of which are the next array: 2^60 values in 600 bytes.
    const levels = 60
    const bytes = Buffer.alloc(1 + levels * 10)
    bytes[0] = 2
    for (let i = 0; i < levels; i++) {
      const at = 1 + 10 * i
      bytes.writeUInt16LE(2, at)
      bytes.writeUInt16LE(bytes.length - at, at + 2)
      bytes.set([2, 10, 0, 2, 10, 0], at + 4)
    }
    expect(() => readBinaryJson(bytes, 0, bytes.length)).toThrow(corrupt)
  })
})
