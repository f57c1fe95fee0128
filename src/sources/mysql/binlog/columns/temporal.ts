import { type ColumnCodec, type Constants, fixedColumn, inlineColumn } from './codec.ts'
import { dateText, fractionText, ONES, TENS, timeText, utcDate } from './calendar.ts'

/*
 * DATE, YEAR and the temporal types of MySQL 5.6 and newer. Formats: MySQL sql-common/my_time.cc
 * (my_datetime_packed_to_binary and its relatives). Fractions take one byte per two digits, big-endian.
 * Texts are made by one call of String.fromCharCode: flat strings, and faster than joining pieces.
 */

const fractionBytes = (digits: number): number => (digits + 1) >> 1

/** DATE: three bytes, little-endian: day 5 bits, month 4, year 15. Zero and partial dates print as they are. */
export const dateColumn: ColumnCodec = fixedColumn(3, (bytes, start) => {
  const packed = bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16)
  return dateText(packed >> 9, (packed >> 5) & 15, packed & 31)
})

/** YEAR: years since 1900; 0 is the year 0000. */
export const yearColumn: ColumnCodec = inlineColumn(1, (target) => `${target}=b[p]===0?0:1900+b[p];`)

/** DATETIME(digits): sign bit, year * 13 + month (17 bits), day 5, hour 5, minute 6, second 6. */
export function datetimeColumn(digits: number): ColumnCodec {
  return inlineColumn(5 + fractionBytes(digits), (target, constant) => {
    const fields =
      'const w=b[p]<<16|b[p+1]<<8|b[p+2],n=(w&8388607)>>6,Y=n/13|0,M=n-Y*13,D=w>>1&31,' +
      'h=(w&1)<<4|b[p+3]>>4,i=(b[p+3]&15)<<2|b[p+4]>>6,s=b[p+4]&63;'
    return `{${fields}${fraction(5, digits)}${target}=${text(digits, ' ', '', constant)};}`
  })
}

/** TIMESTAMP(digits): seconds since 1970, UTC. 0 stands for the zero date, whatever the fraction. */
export function timestampColumn(digits: number): ColumnCodec {
  const zero = `0000-00-00 00:00:00${fractionText(0, digits)}`
  return inlineColumn(4 + fractionBytes(digits), (target, constant) => {
    const seconds = 'const w=(b[p]<<24|b[p+1]<<16|b[p+2]<<8|b[p+3])>>>0;'
    const fields =
      `const d=${constant(utcDate)}(w),Y=d>>9,M=d>>5&15,D=d&31,` + 'o=w%86400,h=o/3600|0,i=(o-h*3600)/60|0,s=o%60;'
    const value = text(digits, 'T', 'Z', constant)
    return `{${seconds}if(w===0)${target}='${zero}';else{${fields}${fraction(4, digits)}${target}=${value};}}`
  })
}

/** TIME(digits): offset binary; sign, hours (10 bits), minutes 6, seconds 6, then the fraction, all as one integer. */
export function timeColumn(digits: number): ColumnCodec {
  const extra = fractionBytes(digits)
  const unit = 256 ** extra
  const divisor = digits % 2 === 1 ? 10 : 1
  return fixedColumn(3 + extra, (bytes, start) => {
    let offset = 0
    for (let i = 0; i < 3 + extra; i++) offset = offset * 256 + bytes[start + i]!
    const packed = Math.abs(offset - 0x80_0000 * unit)
    const whole = Math.floor(packed / unit)
    const parts = Math.floor((packed % unit) / divisor)
    const negative = offset < 0x80_0000 * unit
    return timeText(negative, (whole >> 12) & 1023, (whole >> 6) & 63, whole & 63) + fractionText(parts, digits)
  })
}

/** Declares `f`, the fraction as an integer of `digits` digits. */
function fraction(offset: number, digits: number): string {
  const bytes = fractionBytes(digits)
  if (bytes === 0) return ''
  const terms = Array.from({ length: bytes }, (_, k) => `b[p+${offset + k}]<<${8 * (bytes - 1 - k)}`).join('|')
  return digits % 2 === 1 ? `const f=(${terms})/10|0;` : `const f=${terms};`
}

/** Expression for the text of the fields Y M D h i s f. */
function text(digits: number, between: string, after: string, constant: Constants): string {
  const tens = constant(TENS)
  const ones = constant(ONES)
  const pair = (value: string): string => `${tens}[${value}],${ones}[${value}]`
  const codes = [pair('(Y/100|0)'), pair('(Y%100)'), 45, pair('M'), 45, pair('D'), between.charCodeAt(0)]
  codes.push(pair('h'), 58, pair('i'), 58, pair('s'))
  if (digits > 0) codes.push(46)
  for (let left = digits; left > 0; left -= 2) {
    const lower = 10 ** Math.max(left - 2, 0)
    codes.push(left === 1 ? `${ones}[f%10]` : pair(`(f/${lower}%100|0)`))
  }
  if (after !== '') codes.push(after.charCodeAt(0))
  return `${constant(String.fromCharCode)}(${codes.join(',')})`
}
