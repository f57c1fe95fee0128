import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { checksumMatches, checksumOf } from '../../../../../src/sources/mysql/binlog/format/checksum.ts'
import { fc } from '../../../../support/properties.ts'

test('agrees with zlib for every size and place', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), fc.nat(40), (bytes, skipped) => {
      const start = Math.min(skipped, bytes.length)
      expect(checksumOf(bytes, start, bytes.length)).toBe(crc32(bytes.subarray(start)))
    }),
  )
})

test('compares with the last four bytes', () => {
  const bytes = Buffer.from('..123456789....')
  bytes.writeUInt32LE(0xcbf43926, 11)
  expect(checksumMatches(bytes, 2, 15)).toBe(true)
  bytes[5]! ^= 1
  expect(checksumMatches(bytes, 2, 15)).toBe(false)
})
