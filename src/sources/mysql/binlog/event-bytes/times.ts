import { utcDate } from '../columns/calendar.ts'
import { PAIRS } from '../../../../model/event/bytes/numbers.ts'

/*
 * The temporal types of MySQL 5.6 and newer in quotes. Their formats stand in columns/temporal.ts. A year takes four
 * digits there as long as it has no more; where the bytes say more, `-1` leaves the value to the decoder.
 */

const LAST_YEAR = 9_999

/** DATE. */
export function writeDate(out: DataView, to: number, bytes: Uint8Array, start: number): number {
  const packed = bytes[start]! | (bytes[start + 1]! << 8) | (bytes[start + 2]! << 16)
  if (packed >> 9 > LAST_YEAR) return -1
  out.setUint8(to, 34)
  day(out, to + 1, packed)
  out.setUint8(to + 11, 34)
  return to + 12
}

/** DATETIME(digits); the fraction begins behind the first five bytes. */
export function writeDatetime(out: DataView, to: number, bytes: Uint8Array, start: number, digits: number): number {
  const high = (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!
  const months = (high & 0x7f_ffff) >> 6
  const year = (months / 13) | 0
  if (year > LAST_YEAR) return -1
  out.setUint8(to, 34)
  day(out, to + 1, (year << 9) | ((months - year * 13) << 5) | ((high >> 1) & 31))
  out.setUint8(to + 11, 32)
  const third = bytes[start + 3]!
  const fourth = bytes[start + 4]!
  clock(out, to + 12, ((high & 1) << 4) | (third >> 4), ((third & 15) << 2) | (fourth >> 6), fourth & 63)
  const at = fraction(out, to + 20, bytes, start + 5, digits)
  out.setUint8(at, 34)
  return at + 1
}

/** TIMESTAMP(digits), UTC; seconds of 0 are the zero date, which has no zone. */
export function writeTimestamp(out: DataView, to: number, bytes: Uint8Array, start: number, digits: number): number {
  const seconds =
    ((bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!) >>> 0
  if (seconds === 0) return -1
  const ofDay = seconds % 86_400
  const hour = (ofDay / 3600) | 0
  const minute = ((ofDay - hour * 3600) / 60) | 0
  out.setUint8(to, 34)
  day(out, to + 1, utcDate(seconds))
  out.setUint8(to + 11, 84)
  clock(out, to + 12, hour, minute, ofDay % 60)
  const at = fraction(out, to + 20, bytes, start + 4, digits)
  out.setUint16(at, 0x22_5a, true)
  return at + 2
}

/** The date that was written last, packed as by `packDate`: rows that come together are often of one day. */
let lastDay = -1
const dayText = new DataView(new ArrayBuffer(16))

/** Ten characters of a date. */
function day(out: DataView, to: number, packed: number): void {
  if (packed !== lastDay) {
    const year = packed >> 9
    const century = (year / 100) | 0
    dayText.setUint16(0, PAIRS[century]!, true)
    dayText.setUint16(2, PAIRS[year - century * 100]!, true)
    dayText.setUint8(4, 45)
    dayText.setUint16(5, PAIRS[(packed >> 5) & 15]!, true)
    dayText.setUint8(7, 45)
    dayText.setUint16(8, PAIRS[packed & 31]!, true)
    lastDay = packed
  }
  out.setInt32(to, dayText.getInt32(0, true), true)
  out.setInt32(to + 4, dayText.getInt32(4, true), true)
  out.setUint16(to + 8, dayText.getUint16(8, true), true)
}

function clock(out: DataView, to: number, hour: number, minute: number, second: number): void {
  out.setUint16(to, PAIRS[hour]!, true)
  out.setUint8(to + 2, 58)
  out.setUint16(to + 3, PAIRS[minute]!, true)
  out.setUint8(to + 5, 58)
  out.setUint16(to + 6, PAIRS[second]!, true)
}

/** A byte for two digits, big-endian; of an odd number the last digit is left out. */
function fraction(out: DataView, to: number, bytes: Uint8Array, start: number, digits: number): number {
  if (digits === 0) return to
  out.setUint8(to, 46)
  let value = bytes[start]!
  for (let i = 1; i < (digits + 1) >> 1; i++) value = (value << 8) | bytes[start + i]!
  let left = digits
  if (digits % 2 === 1) {
    value = (value / 10) | 0
    left -= 1
    out.setUint8(to + digits, 48 + (value % 10))
    value = (value / 10) | 0
  }
  for (; left > 0; left -= 2) {
    const above = (value / 100) | 0
    out.setUint16(to + left - 1, PAIRS[value - above * 100]!, true)
    value = above
  }
  return to + 1 + digits
}
