import { dateText, fractionText, timeText, utcDate } from './calendar.ts'
import { type ColumnCodec, fixedColumn } from './codec.ts'

/*
 * TIME, DATETIME and TIMESTAMP as they were before MySQL 5.6, which old tables keep, and the formats with fractions
 * that MariaDB has had since 5.3 (sql/field.cc, Field_time_hires and its relatives).
 */

const ZERO_TIMESTAMP = '0000-00-00 00:00:00'
/** MariaDB keeps TIME with a fraction as an unsigned number: the shift is one second more than 838:59:59. */
const HIRES_TIME_ZERO_SECONDS = 3_020_400
const HIRES_TIME_BYTES = [3, 4, 4, 5, 5, 5, 6] as const
const HIRES_DATETIME_BYTES = [5, 6, 6, 7, 7, 7, 8] as const
const HIRES_FRACTION_BYTES = [0, 1, 1, 2, 2, 3, 3] as const

/** TIME as a signed decimal number HHMMSS in three bytes, little-endian. */
export const oldTimeColumn: ColumnCodec = fixedColumn(3, (bytes, start) => {
  const value = ((bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16)) << 8) >> 8
  const size = Math.abs(value)
  return timeText(value < 0, Math.floor(size / 10_000), Math.floor(size / 100) % 100, size % 100)
})

/** DATETIME as a decimal number YYYYMMDDHHMMSS in eight bytes, little-endian. */
export const oldDatetimeColumn: ColumnCodec = fixedColumn(8, (bytes, start) => {
  let value = 0
  for (let i = 7; i >= 0; i--) value = value * 256 + bytes[start + i]!
  const date = Math.floor(value / 1_000_000)
  const time = value % 1_000_000
  const day = dateText(Math.floor(date / 10_000), Math.floor(date / 100) % 100, date % 100)
  return `${day} ${timeText(false, Math.floor(time / 10_000), Math.floor(time / 100) % 100, time % 100)}`
})

/** TIMESTAMP: seconds since 1970, little-endian. */
export const oldTimestampColumn: ColumnCodec = fixedColumn(4, (bytes, start) => {
  const seconds =
    (bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 24)) >>> 0
  return seconds === 0 ? ZERO_TIMESTAMP : utcText(seconds, '')
})

/** TIME(digits): big-endian, in units of the last digit, shifted so that it is never negative. */
export function hiresTimeColumn(digits: number): ColumnCodec {
  const width = HIRES_TIME_BYTES[digits]!
  const scale = 10 ** digits
  return fixedColumn(width, (bytes, start) => {
    const units = bigEndian(bytes, start, width) - HIRES_TIME_ZERO_SECONDS * scale
    const size = Math.abs(units)
    const seconds = Math.floor(size / scale)
    const text = timeText(units < 0, Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60)
    return text + fractionText(size % scale, digits)
  })
}

/** DATETIME(digits): big-endian mixed radix ((((year * 13 + month) * 32 + day) * 24 + hour) * 60 …), then digits. */
export function hiresDatetimeColumn(digits: number): ColumnCodec {
  const width = HIRES_DATETIME_BYTES[digits]!
  const scale = 10n ** BigInt(digits)
  return fixedColumn(width, (bytes, start) => {
    let packed = 0n
    for (let i = 0; i < width; i++) packed = (packed << 8n) | BigInt(bytes[start + i]! | 0)
    const parts = Number(packed % scale)
    let rest = Number(packed / scale)
    const take = (radix: number): number => {
      const digit = rest % radix
      rest = (rest - digit) / radix
      return digit
    }
    const [second, minute, hour, day, month] = [take(60), take(60), take(24), take(32), take(13)] as const
    return `${dateText(rest, month, day)} ${timeText(false, hour, minute, second)}${fractionText(parts, digits)}`
  })
}

/** TIMESTAMP(digits): seconds since 1970, then the fraction in units of the last digit, both big-endian. */
export function hiresTimestampColumn(digits: number): ColumnCodec {
  const width = HIRES_FRACTION_BYTES[digits]!
  return fixedColumn(4 + width, (bytes, start) => {
    const seconds = bigEndian(bytes, start, 4)
    const parts = fractionText(bigEndian(bytes, start + 4, width), digits)
    return seconds === 0 ? ZERO_TIMESTAMP + fractionText(0, digits) : utcText(seconds, parts)
  })
}

function utcText(seconds: number, fraction: string): string {
  const date = utcDate(seconds)
  const time = seconds % 86_400
  const clock = timeText(false, Math.floor(time / 3600), Math.floor(time / 60) % 60, time % 60)
  return `${dateText(date >> 9, (date >> 5) & 15, date & 31)}T${clock}${fraction}Z`
}

function bigEndian(bytes: Uint8Array, start: number, width: number): number {
  let value = 0
  for (let i = 0; i < width; i++) value = value * 256 + bytes[start + i]!
  return value
}
