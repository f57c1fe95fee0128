import type { Value } from '../../../../model/event/row.ts'
import { ColumnType } from '../../../../model/table/column-type.ts'
import { dateText, fractionText, timeText } from '../columns/calendar.ts'
import { readDecimal } from '../columns/decimal.ts'
import { corrupt } from '../format/corrupt-event.ts'
import { readVarint } from './varint.ts'

const FRACTION_BITS = 24n
const FRACTION_DIGITS = 6
const TEMPORAL_BYTES = 8

/**
 * A value of an SQL type inside a JSON document: type code, length, bytes; and the byte behind it. Printed as the server's
 * CAST(… AS CHAR) does (Json_wrapper::to_string in sql-common/json_dom.cc).
 */
export function readOpaque(bytes: Buffer, at: number, end: number): { value: Value; next: number } {
  if (at >= end) throw corrupt('JSON value past its end')
  const type = bytes[at]!
  const { value: length, next } = readVarint(bytes, at + 1, end)
  if (next + length > end) throw corrupt('JSON value past its end')
  return { value: opaqueValue(type, bytes, next, length), next: next + length }
}

function opaqueValue(type: number, bytes: Buffer, start: number, length: number): Value {
  switch (type) {
    case ColumnType.NEWDECIMAL:
      return readJsonDecimal(bytes, start, start + length)
    case ColumnType.DATE:
    case ColumnType.TIME:
    case ColumnType.DATETIME:
    case ColumnType.TIMESTAMP:
      if (length < TEMPORAL_BYTES) throw corrupt('temporal value in JSON')
      return readTemporal(type, bytes.readBigInt64LE(start))
    default:
      return `base64:type${type}:${bytes.toString('base64', start, start + length)}`
  }
}

/** Precision, scale, then the digits as in DECIMAL columns. A number where that has the same decimal digits. */
function readJsonDecimal(bytes: Buffer, start: number, end: number): number | string {
  const text = readDecimal(bytes.subarray(start + 2, end), bytes[start]!, bytes[start + 1]!)
  const short = Number(text)
  return canonical(String(short)) === canonical(text) ? short : text
}

function canonical(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** Packed as MySQL keeps temporal values in memory (TIME_to_longlong_packed): 24 bits of microseconds at the end. */
function readTemporal(type: number, packed: bigint): string {
  const negative = packed < 0n
  const size = negative ? -packed : packed
  const micros = Number(size & ((1n << FRACTION_BITS) - 1n))
  const whole = Number(size >> FRACTION_BITS)
  const clock = whole % 0x2_0000
  const hours = (type === ColumnType.TIME ? whole >> 12 : clock >> 12) & 1023
  const time = timeText(negative, hours, (clock >> 6) & 63, clock & 63) + fractionText(micros, FRACTION_DIGITS)
  if (type === ColumnType.TIME) return time
  const day = Math.floor(whole / 0x2_0000)
  const yearMonth = day >> 5
  const date = dateText(Math.floor(yearMonth / 13), yearMonth % 13, day & 31)
  return type === ColumnType.DATE ? date : `${date} ${time}`
}
