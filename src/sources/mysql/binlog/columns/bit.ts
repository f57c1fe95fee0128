import { type ColumnCodec, fixedColumn } from './codec.ts'

/** BIT(n), big-endian. A number while exact, else a bigint. */
export function bitColumn(bits: number): ColumnCodec {
  const width = (bits + 7) >> 3
  return fixedColumn(width, (bytes, start) => {
    let high = 0
    let low = 0
    for (let i = 0; i < width; i++) {
      if (width - i > 4) high = (high << 8) | bytes[start + i]!
      else low = (low << 8) | bytes[start + i]!
    }
    high >>>= 0
    low >>>= 0
    return high < 0x20_0000 ? high * 0x1_0000_0000 + low : (BigInt(high) << 32n) | BigInt(low)
  })
}
