import { describe, expect, it } from 'vitest'
import {
  charsetOfCollation,
  decoderOfCollation,
} from '../../../../../../src/sources/mysql/binlog/charset/collations.ts'
import { type Charset, decoderOfCharset } from '../../../../../../src/sources/mysql/binlog/charset/charsets.ts'

function decode(charset: Charset, hex: string): string {
  const bytes = Buffer.from(`00${hex}00`, 'hex')
  return decoderOfCharset(charset)(bytes, 1, bytes.length - 1)
}

describe('Text', () => {
  it.each<[Charset, string, string]>([
    ['utf8mb4', 'f09f9880c3bc61', '😀üa'],
    ['utf8mb3', 'e282ac', '€'],
    ['ascii', '6162', 'ab'],
    ['latin1', '80e48d', '€ä\u008d'],
    ['ucs2', '20ac00e4', '€ä'],
    ['utf16', 'd83dde00feff', '😀\ufeff'],
    ['utf16le', '3dd800de', '😀'],
    ['utf32', '0001f60000000061', '😀a'],
    ['cp1251', 'cff0e8', 'При'],
    ['koi8u', '95', '•'],
    ['swe7', '405b5c5d5e607b7c7d7e61', 'ÉÄÖÅÜéäöåüa'],
    ['dec8', 'd7dd', 'ŒŸ'],
    ['hp8', 'a1af', 'À₤'],
    ['keybcs2', '808f', 'ČÁ'],
    ['geostd8', 'c0fd', 'ა№'],
    ['armscii8', 'b2b3', 'Աա'],
    ['big5', 'a440c6a7a15661', '一ぃ–a'],
    ['sjis', '816061b1', '〜aｱ'],
    ['cp932', '8160', '～'],
    ['ujis', 'a1c161a4a28eb1f5a18ff5a1', '〜aあｱ\ue000\ue3ac'],
    ['eucjpms', '8ff3f3a1c1', 'ⅰ～'],
    ['gbk', 'c4e361', '你a'],
    ['gb2312', 'a1a4', '・'],
    ['gb18030', 'c4e39439fc36a3a0', '你😀\ue5e5'],
    ['euckr', 'b0a1', '가'],
  ])('in %s is decoded to Unicode', (charset, hex, text) => {
    expect(decode(charset, hex)).toBe(text)
  })

  it('of every length around the short ones is the same', () => {
    for (const charset of ['utf8mb4', 'latin1', 'gbk'] as const) {
      for (let length = 0; length < 60; length++) {
        const text = 'abcdefghij'.repeat(6).slice(0, length)
        expect(decode(charset, Buffer.from(text).toString('hex'))).toBe(text)
      }
    }
  })

  it('in half a unit of UTF-16 at the end has none of it, wherever the value begins', () => {
    const units = Buffer.from('a'.repeat(500), 'utf16le')
    const decodeText = decoderOfCharset('utf16le')
    for (let before = 0; before < 4; before++) {
      const bytes = Buffer.concat([Buffer.alloc(before), units, Buffer.of(0x62)])
      for (let i = 0; i < 200; i++) expect(decodeText(bytes, before, bytes.length)).toBe('a'.repeat(500))
    }
  })

  it('with bytes that mean nothing has replacement characters', () => {
    expect(decode('utf8mb4', '61ff62')).toBe('a\ufffdb')
    expect(decode('ascii', 'ff')).toBe('\ufffd')
    expect(decode('utf32', '7fffffff')).toBe('\ufffd')
    // Halves of surrogate pairs, which a key or a body could not carry.
    expect(decode('utf32', '0000d83d00000061')).toBe('\ufffda')
    expect(decode('utf16le', '3dd86100')).toBe('\ufffda')
    expect(decode('ucs2', 'd83d0061')).toBe('\ufffda')
    expect(decode('ujis', '8f')).toBe('\ufffd')
    expect(decode('big5', 'c6')).toBe('\ufffd')
  })

  it('of many megabytes needs no more than a few times its size', () => {
    const bytes = Buffer.alloc(32 << 20, 0xe4)
    expect(decoderOfCharset('latin1')(bytes, 0, bytes.length).endsWith('ää')).toBe(true)
  })
})

describe('A collation id', () => {
  it.each([
    [8, 'latin1'],
    [45, 'utf8mb4'],
    [33, 'utf8mb3'],
    [63, 'binary'],
    [255, 'utf8mb4'],
    [1069, 'utf8mb4'],
    [2304, 'utf8mb4'],
    [2048, 'utf8mb3'],
    [3072, 'utf32'],
    [5000, undefined],
  ])('%i belongs to %s', (id, charset) => {
    expect(charsetOfCollation(id)).toBe(charset)
  })

  it('that is not known is taken for utf8mb4', () => {
    expect(decoderOfCollation(9999)(Buffer.from('ü'), 0, 2)).toBe('ü')
  })
})
