import { type ColumnCodec, inlineColumn } from './codec.ts'

/** TINYINT to BIGINT, little-endian two's complement. Numbers while exact, beyond 2^53 bigints. */
export function integerColumn(width: 1 | 2 | 3 | 4 | 8, unsigned: boolean): ColumnCodec {
  if (width === 8) return bigintColumn(unsigned)
  const bytes = Array.from({ length: width }, (_, i) => (i === 0 ? 'b[p]' : `b[p+${i}]<<${8 * i}`)).join('|')
  const spare = 32 - 8 * width
  const signed = spare === 0 ? `(${bytes})` : `(${bytes})<<${spare}>>${spare}`
  const value = unsigned ? `(${bytes})>>>0` : signed
  return inlineColumn(width, (target) => `${target}=${value};`)
}

/** In two halves: the high one tells in most cases that the value is small. */
function bigintColumn(unsigned: boolean): ColumnCodec {
  return inlineColumn(8, (target, constant) => {
    const low = 'const l=(b[p]|b[p+1]<<8|b[p+2]<<16|b[p+3]<<24)>>>0;'
    const high = 'const h=b[p+4]|b[p+5]<<8|b[p+6]<<16|b[p+7]<<24;'
    const wide = constant(unsigned ? unsignedFromHalves : signedFromHalves)
    return `{${low}${high}${target}=h===0?l:${wide}(h,l);}`
  })
}

function unsignedFromHalves(high: number, low: number): number | bigint {
  const top = high >>> 0
  return top < 0x20_0000 ? top * 0x1_0000_0000 + low : (BigInt(top) << 32n) | BigInt(low)
}

/** Safe integers reach from -(2^53 - 1), so that the lowest exact number has all its bits in the halves' product. */
function signedFromHalves(high: number, low: number): number | bigint {
  const value = high * 0x1_0000_0000 + low
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low)
}
