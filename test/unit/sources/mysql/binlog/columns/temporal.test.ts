import { describe, expect, it } from 'vitest'
import type { ColumnDef } from '../../../../../../src/model/table/table.ts'
import { decodeRows } from '../../../../../support/binlog-rows.ts'
import { column, shapeOf, tableOf } from '../row-images.ts'

/** The value of a column of one row that holds nothing else. */
function valueOf(definition: ColumnDef, hex: string): unknown {
  const images = Buffer.concat([Buffer.of(0), Buffer.from(hex, 'hex')])
  return decodeRows(tableOf(definition), shapeOf('insert'), images)[0]!.new!['v']
}

const little = (value: bigint, bytes: number): string => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64LE(value)
  return buffer.toString('hex', 0, bytes)
}

describe('Temporal types before MySQL 5.6', () => {
  it('TIME is a decimal number with a sign', () => {
    expect(valueOf(column('v', 11), little(123456n, 3))).toBe('12:34:56')
    expect(valueOf(column('v', 11), little(-8385959n, 3))).toBe('-838:59:59')
    expect(valueOf(column('v', 11), little(-1n, 3))).toBe('-00:00:01')
    expect(valueOf(column('v', 11), little(0n, 3))).toBe('00:00:00')
  })

  it('DATETIME is a decimal number', () => {
    expect(valueOf(column('v', 12), little(20261120100203n, 8))).toBe('2026-11-20 10:02:03')
    expect(valueOf(column('v', 12), little(0n, 8))).toBe('0000-00-00 00:00:00')
  })

  it('TIMESTAMP is seconds since 1970', () => {
    expect(valueOf(column('v', 7), little(1795168800n, 4))).toBe('2026-11-20T10:00:00Z')
    expect(valueOf(column('v', 7), little(4294967295n, 4))).toBe('2106-02-07T06:28:15Z')
    expect(valueOf(column('v', 7), little(0n, 4))).toBe('0000-00-00 00:00:00')
  })
})

describe('The zero timestamp', () => {
  it('has the fraction digits of its column', () => {
    expect(valueOf(column('v', 17, 3), '000000000000')).toBe('0000-00-00 00:00:00.000')
  })
})
