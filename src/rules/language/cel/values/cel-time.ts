/**
 * Timestamps and durations of CEL, in nanoseconds. The engine's own are JavaScript dates: they lose microseconds, and
 * what names no zone is read in that of the process.
 */
const SECOND = 1_000_000_000n
const MILLISECOND = 1_000_000n
const DAY = 86_400n * SECOND
/** Years 1 to 9999 (CEL specification, "Timestamp"). */
const EARLIEST = BigInt(Date.UTC(2001, 0, 1)) * MILLISECOND - 730_485n * DAY
const LATEST = BigInt(Date.UTC(10_000, 0, 1)) * MILLISECOND - 1n
/** 10,000 years (CEL specification, "Duration"). */
const LONGEST = 315_576_000_000n * SECOND

/** What cannot be read or held. The message is for the author of the rule. */
export class CelTimeError extends Error {}

export class CelTimestamp {
  readonly nanos: bigint

  constructor(nanos: bigint) {
    if (nanos < EARLIEST || nanos > LATEST) throw new CelTimeError('the time is outside the years 1 to 9999')
    this.nanos = nanos
  }

  /** RFC 3339 in UTC. */
  toString(): string {
    const seconds = new Date(Number(floorDivide(this.nanos, MILLISECOND))).toISOString().slice(0, 19)
    return `${seconds}${fraction(floorModulo(this.nanos, SECOND))}Z`
  }
}

export class CelDuration {
  readonly nanos: bigint

  constructor(nanos: bigint) {
    if (nanos < -LONGEST || nanos > LONGEST) throw new CelTimeError('the duration exceeds 10,000 years')
    this.nanos = nanos
  }

  /** Seconds: `1.5s`. */
  toString(): string {
    const whole = this.nanos < 0n ? -this.nanos : this.nanos
    return `${this.nanos < 0n ? '-' : ''}${whole / SECOND}${fraction(whole % SECOND)}s`
  }
}

function fraction(nanos: bigint): string {
  return nanos === 0n ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`
}

export function floorDivide(a: bigint, b: bigint): bigint {
  return a / b - (a % b < 0n ? 1n : 0n)
}

export function floorModulo(a: bigint, b: bigint): bigint {
  return ((a % b) + b) % b
}

const DATE = String.raw`(\d{4})-(\d\d)-(\d\d)`
const TIME = String.raw`(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?`
const TIMESTAMP = new RegExp(`^${DATE}(?:[T ]${TIME}(Z|[+-]\\d\\d:\\d\\d)?)?$`)

/**
 * RFC 3339 (`2026-11-20T10:11:12.5Z`), and what MySQL's DATE, DATETIME and TIMESTAMP columns look like: a time that names
 * no zone is UTC, whatever TZ is. Throws CelTimeError.
 */
export function parseTimestamp(text: string): CelTimestamp {
  const parts = TIMESTAMP.exec(text)
  const [year, month, day, hour, minute, second] = (parts ?? []).slice(1, 7).map((part) => Number(part ?? 0))
  const ms = Date.UTC(year!, month! - 1, day, hour, minute, second)
  const date = new Date(ms)
  if (parts === null || year! < 100) date.setUTCFullYear(year ?? Number.NaN, month! - 1, day)
  const right =
    date.getUTCMonth() === month! - 1 && date.getUTCDate() === day && hour! < 24 && minute! < 60 && second! < 60
  if (!right || year === 0) throw new CelTimeError(`"${text}" is not a valid time such as 2026-11-20T10:11:12Z`)
  const nanos = BigInt((parts![7] ?? '').padEnd(9, '0'))
  return new CelTimestamp(BigInt(date.getTime()) * MILLISECOND + nanos - offsetNanos(parts![8] ?? 'Z'))
}

/** Nanoseconds of `Z`, `+02:00`, `-08:00`, `02:00`. */
function offsetNanos(text: string): bigint {
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):(\d\d)$/.exec(text) ?? []
  if (hours === undefined) return 0n
  return BigInt((sign === '-' ? -60 : 60) * (Number(hours) * 60 + Number(minutes))) * SECOND
}

const UNITS: { readonly [unit: string]: bigint } = {
  h: 3_600n * SECOND,
  m: 60n * SECOND,
  s: SECOND,
  ms: MILLISECOND,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ns: 1n,
}
const PIECE = /(\d+\.?\d*|\.\d+)(h|ms|m|s|us|[µμ]s|ns)/g

/** As Go reads durations: `1h30m`, `-1.5s`, `250ms`, `0`. Throws CelTimeError. */
export function parseDuration(text: string): CelDuration {
  const unsigned = text.replace(/^[+-]/, '')
  if (unsigned === '0') return new CelDuration(0n)
  let nanos = 0n
  let read = 0
  for (const [piece, amount, unit] of unsigned.matchAll(PIECE)) {
    const [whole = '', rest = ''] = amount!.split('.')
    const factor = UNITS[unit!]!
    nanos += BigInt(whole || '0') * factor + (BigInt(rest.slice(0, 15).padEnd(15, '0')) * factor) / 10n ** 15n
    read += piece.length
  }
  if (read === 0 || read !== unsigned.length) {
    throw new CelTimeError(`"${text}" is not a valid duration such as 1h30m, 250ms or -1.5s`)
  }
  return new CelDuration(text.startsWith('-') ? -nanos : nanos)
}

/** The timestamp's wall clock in a zone (`Europe/Berlin`, `+02:00`), as a date whose UTC fields are that clock's. */
export function wallClock({ nanos }: CelTimestamp, zone = 'UTC'): Date {
  const fixed = /^[+-]?\d\d:\d\d$/.test(zone)
  const utc = new Date(Number(floorDivide(fixed ? nanos + offsetNanos(zone) : nanos, MILLISECOND)))
  if (fixed || zone === 'UTC') return utc
  const parts = new Map(
    formatOf(zone)
      .formatToParts(utc)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
  const clock = new Date(0)
  clock.setUTCFullYear(part('year'), part('month') - 1, part('day'))
  clock.setUTCHours(part('hour'), part('minute'), part('second'), utc.getUTCMilliseconds())
  return clock
}

const MAX_ZONES = 600
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone)
  if (format === undefined) {
    try {
      const numeric = 'numeric'
      const fields = {
        year: numeric,
        month: numeric,
        day: numeric,
        hour: numeric,
        minute: numeric,
        second: numeric,
      } as const
      format = new Intl.DateTimeFormat('en-US', { timeZone, hourCycle: 'h23', ...fields })
    } catch {
      throw new CelTimeError(`"${timeZone}" is not a valid time zone such as Europe/Berlin or +02:00`)
    }
    // A zone may come from data.
    if (formats.size >= MAX_ZONES) formats.clear()
    formats.set(timeZone, format)
  }
  return format
}

export function dayOfYear(clock: Date): number {
  const start = new Date(clock)
  start.setUTCMonth(0, 1)
  start.setUTCHours(0, 0, 0, 0)
  return Math.floor((clock.getTime() - start.getTime()) / 86_400_000)
}

export function microseconds(us: number): CelTimestamp {
  return new CelTimestamp(BigInt(Math.round(us)) * 1_000n)
}
