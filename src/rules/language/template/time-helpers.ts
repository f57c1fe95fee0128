import type { Value } from '../../../model/event/row.ts'
import {
  CelTimeError,
  CelTimestamp,
  floorDivide,
  parseDuration,
  parseTimestamp,
  wallClock,
} from '../cel/values/cel-time.ts'
import { Decimal } from '../decimal.ts'
import { HelperFailure, isPresent, strictHelper } from './helper.ts'
import type { TemplateHelper } from './helper.ts'
import { dateFormat } from './date-format.ts'

const SECOND = 1_000_000_000n
const UNITS: { readonly [unit: string]: bigint } = { s: SECOND, ms: 1_000_000n, us: 1_000n }
/** RFC 3339, whole seconds. */
const DEFAULT_FORMAT = "yyyy-MM-dd'T'HH:mm:ssXXX"

/** Helpers for times. None reads the clock: a retry has to render what the first attempt did. */
export const TIME_HELPERS: { readonly [name: string]: TemplateHelper } = {
  date: strictHelper(
    [1, 3],
    'a time as text: {{date created "dd.MM.yyyy HH:mm" "Europe/Berlin"}}; without more RFC 3339 in UTC',
    (value, format = DEFAULT_FORMAT, zone = 'UTC') => {
      const time = timeOf(value)
      return dateFormat(format)(time.nanos, clockIn(time, zone))
    },
    {
      check: ([value, format, zone]) => {
        if (isPresent(value)) timeOf(value)
        if (isPresent(format)) dateFormat(format)
        if (isPresent(zone)) clockIn(new CelTimestamp(0n), zone)
      },
    },
  ),
  unix: strictHelper(
    [1, 2],
    'seconds since 1970 of a time; with "ms" or "us" milliseconds, microseconds',
    (value, unit = 's') => Number(floorDivide(timeOf(value).nanos, unitOf(unit))),
    {
      check: ([value, unit]) => {
        if (isPresent(value)) timeOf(value)
        if (isPresent(unit)) unitOf(unit)
      },
    },
  ),
  addDuration: strictHelper(
    [2, 2],
    'a time that much later, as RFC 3339 in UTC: {{addDuration created "7d"}}, {{addDuration ts "-1h30m"}}',
    (value, duration) => times(() => new CelTimestamp(timeOf(value).nanos + durationOf(duration))).toString(),
    {
      check: ([value, duration]) => {
        if (isPresent(value)) timeOf(value)
        if (isPresent(duration)) durationOf(duration)
      },
    },
  ),
}

/** A DATE, DATETIME, TIMESTAMP or RFC 3339 text (UTC where it names no zone), or seconds since 1970. */
function timeOf(value: Value): CelTimestamp {
  if (typeof value === 'string') {
    try {
      return parseTimestamp(value)
    } catch (error) {
      if (!(error instanceof CelTimeError)) throw error
    }
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    const seconds = Decimal.of(value)
    if (seconds !== undefined) return times(() => new CelTimestamp(seconds.rounded(9).units))
  }
  throw new HelperFailure(
    'the value is not a time such as 2026-11-20T10:11:12Z, 2026-11-20 10:11:12 or 2026-11-20',
    'filter such rows out; a zero date (0000-00-00) is not a time',
  )
}

function unitOf(unit: Value): bigint {
  const nanos = typeof unit === 'string' && Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined
  if (nanos === undefined) throw new HelperFailure('the unit is one of "s", "ms", "us"')
  return nanos
}

/** As CEL reads durations, with days in front: `7d`, `-1d12h`, `90s`. */
function durationOf(text: Value): bigint {
  const [, sign, days, rest] = /^([+-]?)(?:(\d{1,7})d)?(.*)$/s.exec(typeof text === 'string' ? text : '?')!
  try {
    const nanos = days !== undefined && rest === '' ? 0n : parseDuration(rest!).nanos
    if (/^[+-]/.test(rest!)) throw new CelTimeError('two signs')
    const whole = BigInt(days ?? 0) * 86_400n * SECOND + nanos
    return sign === '-' ? -whole : whole
  } catch (error) {
    if (!(error instanceof CelTimeError)) throw error
    throw new HelperFailure('the second value is not a duration such as 90s, 1h30m or -7d')
  }
}

function clockIn(time: CelTimestamp, zone: Value): Date {
  return times(() => wallClock(time, typeof zone === 'string' ? zone : '?'))
}

function times<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof CelTimeError) throw new HelperFailure(error.message)
    throw error
  }
}
